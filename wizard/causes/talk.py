"""Connected, and then silence, a reset or an end."""

from __future__ import annotations

from netwiz.wizard.causes.listening_queue import CAUSES as _QUEUE
from netwiz.wizard.causes.model import Cause, FixPlan
from netwiz.wizard.causes.path_size import CAUSES as _SIZE

GROUP = "After connecting"
FILTER = FixPlan(
    "Remove the rule `{rule}` ({rule_where}), or put an exception before it. Whoever "
    "wrote it may write it again: look for it in your firewall's own configuration.",
    ("{remove_rule}",),
    when="remove_rule",
    lasting=False,
)
ELSEWHERE = FixPlan(
    "No rule of this machine did it. Ask whoever runs the firewall or the intrusion "
    "prevention on the way to {address} to let this through; encrypted (TLS), the same "
    "words could not be read on the way.",
    when="elsewhere",
)

CAUSES = (
    *_QUEUE,
    *_SIZE,
    Cause(
        id="dpi-midstream-rst",
        group=GROUP,
        title="something between {client} and {server} resets what is said",
        explanation=(
            "The connection is made and {server} takes it, but the first words are "
            "answered by a reset that {server} never sent. Who stands between reads "
            "along and cuts off what it does not like."
        ),
        decisive=(
            "the client gets a RST that the server's namespace never sent, and a rule "
            "counted it or other words of the same length are not reset"
        ),
        fixes=(FILTER, ELSEWHERE),
        look_alikes=(
            ("container-restart-loop", "there the reset leaves the server itself"),
            ("dpi-silent-drop", "there the words vanish and nothing comes back"),
            ("forward-reject-tcp-reset", "there not even the connection is made"),
        ),
        references=("iptables-extensions(8), string",),
    ),
    Cause(
        id="dpi-silent-drop",
        group=GROUP,
        title="something between {client} and {server} swallows what is said",
        explanation=(
            "The connection is made, but these words vanish on the way, whatever the "
            "size of the packets, while others of the same length come through. Who "
            "stands between reads along and drops what it does not like."
        ),
        decisive=(
            "the same words are never confirmed, in small segments neither, and others "
            "of the same length are confirmed at once"
        ),
        fixes=(FILTER, ELSEWHERE),
        look_alikes=(
            ("mtu-blackhole-path", "there small segments come through"),
            ("app-hung-not-accepting", "there the words arrive, and wait"),
            ("dpi-midstream-rst", "there a reset comes back"),
        ),
        references=("iptables-extensions(8), string",),
    ),
    Cause(
        id="nat-idle-timeout",
        group=GROUP,
        title="this host has forgotten a connection that {client} still keeps",
        explanation=(
            "{client} kept the connection {held} idle for longer than this host "
            "remembers one ({limit}). Its packets are no longer translated, so nothing "
            "answers them; {process} waits, and tries again for many minutes. A fresh "
            "connection works."
        ),
        decisive=(
            "a connection of the client is ESTAB and what it sends is sent again "
            "without being confirmed, conntrack has no entry for it, and has one for a "
            "fresh connection on the same way"
        ),
        fixes=(
            FixPlan(
                "Let this host remember idle connections for as long as it does by "
                "default. For good, write the line net.netfilter."
                "nf_conntrack_tcp_timeout_established = {usual_limit} to a file in "
                "/etc/sysctl.d.",
                (
                    "sysctl -w net.netfilter.nf_conntrack_tcp_timeout_established="
                    "{usual_limit}",
                ),
                when="short_limit",
                lasting=False,
            ),
            FixPlan(
                "Let {process} send a sign of life more often than that (SO_KEEPALIVE "
                "with TCP_KEEPIDLE), and close what idles in its pool earlier. Where "
                "it switches keepalive on and leaves the time to the kernel, set it "
                "for the container.",
                snippet=(
                    "services:\n  {client}:\n    sysctls:\n      "
                    "net.ipv4.tcp_keepalive_time: {keepalive}\n      "
                    "net.ipv4.tcp_keepalive_intvl: 10\n"
                ),
                interrupts="{client} while it is made anew",
            ),
        ),
        look_alikes=(
            ("stale-pooled-connection", "there the other end has started anew"),
            ("mtu-blackhole-path", "there fresh connections hang as well"),
        ),
        references=(
            "https://www.kernel.org/doc/html/latest/networking/"
            "nf_conntrack-sysctl.html",
            "https://github.com/moby/moby/issues/31208",
        ),
    ),
    Cause(
        id="stale-pooled-connection",
        group=GROUP,
        title="{client} keeps a connection whose other end is gone",
        explanation=(
            "{client} holds the connection {held}, which {server} has closed or knows "
            "nothing of: it ended or started anew since. The first thing {process} "
            "says on it brings an end or a reset; a fresh connection works."
        ),
        decisive=(
            "the client holds a connection in CLOSE-WAIT, or one that the server's "
            "kernel does not have, and a fresh connection works"
        ),
        fixes=(
            FixPlan(
                "Let {process} check a pooled connection before it is used, give "
                "pooled connections a bounded life shorter than the server's idle "
                "limit, and try once more when a reused one fails. Until then "
                "restarting {client} empties its pool.",
                ("docker restart {client!q}",),
                when="client_is_container",
                lasting=False,
                interrupts="{client} while it restarts",
            ),
            FixPlan(
                "Let {process} check a pooled connection before it is used, and try "
                "once more when a reused one fails.",
            ),
        ),
        look_alikes=(
            ("nat-idle-timeout", "there both ends hold it, and the way forgot it"),
            ("container-restart-loop", "there fresh connections fail as well"),
        ),
    ),
    Cause(
        id="conntrack-invalid-rst",
        group=GROUP,
        title="this host resets connections of {client} whose packets it disowns",
        explanation=(
            "A packet of {address} came late or out of its window. Connection tracking "
            "called it invalid and did not translate it back to {client}, so this "
            "host took it for its own, knew no such connection, and sent {address} a "
            "reset in {client}'s name."
        ),
        decisive=(
            "a RST to the server is born on this host and not in the client's "
            "namespace, connection tracking counts invalid packets, and it is not "
            "liberal"
        ),
        fixes=(
            FixPlan(
                "Let connection tracking take packets out of window for what they are. "
                "To keep it, put net.netfilter.nf_conntrack_tcp_be_liberal = 1 into a "
                "file in /etc/sysctl.d.",
                ("sysctl -w net.netfilter.nf_conntrack_tcp_be_liberal=1",),
                lasting=False,
            ),
            FixPlan(
                "Or drop what is invalid before this host answers it.",
                ("iptables -I INPUT -m conntrack --ctstate INVALID -j DROP",),
                lasting=False,
            ),
        ),
        look_alikes=(
            ("dpi-midstream-rst", "there the client is reset, for what it says"),
            ("nat-idle-timeout", "there nothing comes back at all"),
        ),
        references=("https://github.com/moby/libnetwork/issues/1090",),
        proof="recorded",
    ),
    Cause(
        id="conntrack-snat-race",
        group=GROUP,
        title="new flows of {client} collide in this host's connection tracking",
        explanation=(
            "Two flows that begin at the same moment are given the same translated "
            "port, or two datagrams of one socket make the same entry twice; the "
            "kernel keeps the first and drops the other. What was dropped is sent "
            "again after 1 s (TCP) or 5 s (DNS)."
        ),
        decisive=(
            "insert_failed of connection tracking rises with probes that are lost, and "
            "neither a device nor a queue counts a drop"
        ),
        fixes=(
            FixPlan(
                "Let the kernel choose translated ports at random. In your own rules "
                "add --random-fully to MASQUERADE and SNAT; the engine adds it to its "
                "own where the kernel can (engine 23 and later).",
            ),
            FixPlan(
                "For names: ask one question at a time, or over TCP.",
                snippet=(
                    "services:\n  {client}:\n    dns_opt:\n      - "
                    "single-request-reopen\n"
                ),
                interrupts="{client} while it is made anew",
            ),
        ),
        look_alikes=(
            ("packet-loss", "there a device or a rule counts the loss"),
            ("accept-backlog-full", "there the server's kernel counts ListenDrops"),
        ),
        references=("https://github.com/kubernetes/kubernetes/issues/56903",),
        proof="recorded",
    ),
    Cause(
        id="udp-stale-conntrack",
        group=GROUP,
        title="datagrams of {sender} still go to where {server} used to be",
        explanation=(
            "This host decides once per UDP flow where it is translated to, and keeps "
            "to it as long as datagrams come. {sender} has sent from port "
            "{sender_port} all the while, since before {server} had its address: the "
            "flow leads {led}. From any other port it would work."
        ),
        decisive=(
            "a tracked UDP flow to the published port leads elsewhere than to the "
            "container's address"
        ),
        fixes=(
            FixPlan(
                "Forget that flow; the next datagram is translated anew.",
                (
                    "conntrack -D -p udp --orig-src {sender!q} --orig-port-src "
                    "{sender_port} --orig-dst {dialled!q} --orig-port-dst "
                    "{dialled_port}",
                ),
            ),
            FixPlan(
                "Or let the sender be silent for three minutes, or send from another "
                "port.",
            ),
        ),
        look_alikes=(("published-wrong-container-port", "there every sender fails"),),
        references=("https://github.com/moby/moby/issues/8795",),
    ),
)
