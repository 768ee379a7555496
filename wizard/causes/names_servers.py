"""Name servers that fail, and what makes them fail."""

from __future__ import annotations

from netwiz.wizard.causes.model import Cause, FixPlan

GROUP = "Name servers"

_RECREATE = FixPlan(
    "Recreate {client} with --dns {good} in place of {upstreams}: a container that "
    "exists keeps its servers.",
    when="fix_container",
    interrupts="{client} while it is recreated",
    snippet="services:\n  {client}:\n    dns: [{good}]",
)
_DAEMON = FixPlan(
    'Put "dns": ["{good}"] into /etc/docker/daemon.json, restart the engine and '
    "then {client}. For {client} alone: recreate it with --dns {good}.",
    when="fix_daemon",
    interrupts="every container without live-restore, while the engine restarts",
    snippet=(
        '# /etc/docker/daemon.json\n{{ "dns": ["{good}"] }}\n'
        "# or in Compose\nservices:\n  {client}:\n    dns: [{good}]"
    ),
)
_OWN = FixPlan(
    "Name {good} in the resolv.conf that {client} uses, in place of {dead}.",
    when="fix_own",
)
_MEND = (_RECREATE, _DAEMON, _OWN)
_TROUBLE = ("https://docs.docker.com/engine/daemon/troubleshoot/#dns-resolver-issues",)

SERVERS = (
    Cause(
        id="dns-upstream-dead",
        group=GROUP,
        title="the name server {dead} does not answer {client}",
        explanation=(
            "{client}'s questions end at {upstreams}, named by {origin}. {dead} does "
            "not answer them, while packets otherwise get out. Names of containers "
            "still resolve, for those the engine knows itself."
        ),
        decisive=(
            "asked directly from the client's namespace the server is silent, while "
            "another server is answered there, or the same one over TCP"
        ),
        fixes=_MEND,
        look_alikes=(
            ("dns-upstream-refuses", "through 127.0.0.11 it looks the same"),
            ("embedded-dns-nat-flushed", "there 127.0.0.11 refuses at once"),
            ("container-not-running", "there it is a container's name that fails"),
        ),
        references=_TROUBLE,
    ),
    Cause(
        id="dns-upstream-refuses",
        group=GROUP,
        title="the name server {dead} refuses {client}",
        explanation=(
            "{client}'s questions end at {upstreams}, named by {origin}. Asked "
            "directly, {dead} says: {refusal}. Engines before 23 hide that and keep "
            "silent. A server that is bound to loopback only, or lets only some "
            "networks ask, does so."
        ),
        decisive=(
            "asked directly from the client's namespace the server's port 53 refuses "
            "the connection, or it answers with the code REFUSED"
        ),
        fixes=(
            *_MEND,
            FixPlan(
                "Or let {dead} answer the containers: bind it to that address, and "
                "allow their subnet (dnsmasq: listen-address, unbound: "
                "access-control, BIND: allow-recursion)."
            ),
        ),
        look_alikes=(
            ("dns-upstream-dead", "there a direct question stays unanswered"),
            ("embedded-dns-nat-flushed", "there 127.0.0.11 itself refuses"),
        ),
        references=("https://github.com/docker/for-linux/issues/392",),
    ),
    Cause(
        id="dns-first-server-dead-slow",
        group=GROUP,
        title="every lookup waits for {dead}, which does not answer",
        explanation=(
            "{client}'s questions go to {upstreams} in that order, named by {origin}. "
            "{dead} is waited for in vain each time (4 s by the engine's name server, "
            "5 s by glibc) before the next one is asked."
        ),
        decisive=(
            "asked directly the first server is silent and a later one answers at "
            "once, and lookups take seconds or fail"
        ),
        fixes=_MEND,
        look_alikes=(
            ("dns-conntrack-race-5s", "there lookups are slow only now and then"),
            ("ndots-amplification", "there each question is answered, but many are"),
        ),
        references=("https://github.com/moby/moby/issues/48266", "resolv.conf(5)"),
    ),
    Cause(
        id="dns-loopback-resolver-in-host",
        group=GROUP,
        title="the host's name server is on its loopback, where {client} cannot ask it",
        explanation=(
            "The host's resolv.conf names {host_servers}. Inside a container loopback "
            "is the container itself, so the engine leaves such servers out and takes "
            "{upstreams} instead. They say: {servers_said}."
        ),
        decisive=(
            "the host's servers are loopback addresses and know the name or answer, "
            "while those that the container was given instead do not"
        ),
        fixes=(
            FixPlan(
                "Let the host's name server listen on an address that containers "
                "reach too, or find out whom it asks itself (resolvectl status), and "
                'put that address into daemon.json as "dns"; restart the engine, '
                "then {client}.",
                interrupts=(
                    "every container without live-restore, while the engine restarts"
                ),
                snippet='# /etc/docker/daemon.json\n{{ "dns": ["{good}"] }}',
            ),
            FixPlan(
                "For {client} alone: recreate it with --dns and that address.",
                interrupts="{client} while it is recreated",
                snippet="services:\n  {client}:\n    dns: [{good}]",
            ),
        ),
        look_alikes=(
            ("dns-split-horizon-vpn", "there the host's server is no loopback one"),
            ("dns-8888-fallback-blocked", "there the public servers were chosen"),
        ),
        references=("https://github.com/moby/moby/issues/48266", *_TROUBLE),
    ),
    Cause(
        id="dns-8888-fallback-blocked",
        group=GROUP,
        title="public name servers ({upstreams}) are blocked; {host_servers} answers",
        explanation=(
            "{client} asks {upstreams}, named by {origin}. From here they keep silent, "
            "as where a company or a provider lets no DNS out but its own. The host's "
            "{host_servers} answers."
        ),
        decisive=(
            "only public resolvers are asked and all are silent, while packets "
            "otherwise get out and the host's own server answers"
        ),
        fixes=_MEND,
        look_alikes=(
            ("dns-loopback-resolver-in-host", "there nobody chose the public servers"),
            ("dns-upstream-dead", "there a server of one's own is dead"),
        ),
        references=_TROUBLE,
    ),
    Cause(
        id="dns-split-horizon-vpn",
        group=GROUP,
        title="the host's name server knows {host}, those that {client} asks do not",
        explanation=(
            "{client} asks {upstreams}, named by {origin}; the host asks "
            "{host_servers}. {servers_said}. A VPN or a company's own server knows "
            "names that the world does not."
        ),
        decisive=(
            "each server of the client says that there is no such name, and the host's "
            "own server has an address for it"
        ),
        fixes=(
            *_MEND,
            FixPlan(
                "A VPN that comes up later changes the host's servers, not those of "
                "running containers: restart {client} once it is up.",
                ("docker restart {client!q}",),
                when="follows_host",
                interrupts="{client} while it restarts",
            ),
        ),
        look_alikes=(
            ("dns-loopback-resolver-in-host", "there the host's is on its loopback"),
            ("wrong-target-address", "there no server knows the name"),
        ),
        references=("https://github.com/moby/moby/issues/48266",),
    ),
    Cause(
        id="dns-large-answer-tcp-blocked",
        group=GROUP,
        title="the answer for {host} needs TCP, and TCP port 53 is blocked",
        explanation=(
            "The answer does not fit into a datagram: the server says so (TC) and the "
            "resolver asks again over TCP, which brings nothing. Small answers come "
            "through all the while. {servers_said}."
        ),
        decisive=(
            "over UDP the server sets TC, and over TCP the same question stays "
            "unanswered"
        ),
        fixes=(
            FixPlan(
                "Let TCP port 53 through to {upstreams} wherever UDP port 53 is let "
                "through (RFC 7766: DNS needs both)."
            ),
            FixPlan("Or let the zone have fewer addresses under that name."),
        ),
        look_alikes=(
            ("dns-upstream-dead", "there UDP is not answered either"),
            ("dns-musl-behaviour", "musl before 1.2.4 never asks over TCP"),
        ),
        references=("RFC 7766",),
    ),
    Cause(
        id="ndots-amplification",
        group=GROUP,
        title="{questions} questions for one name, by ndots:{ndots} and a search list",
        explanation=(
            "With ndots:{ndots} a name with fewer dots is first tried with each domain "
            "of the search list ({search}), for IPv4 and IPv6. Here that took most of "
            "{took_s} s before {host} itself was asked for."
        ),
        decisive=(
            "names made of the search list were asked for first and took most of a "
            "slow lookup, while the name itself is answered quickly"
        ),
        fixes=(
            FixPlan(
                "Write {host}. with a dot at its end: no search list is used then."
            ),
            FixPlan(
                "Recreate {client} with --dns-opt ndots:1, or without the search list.",
                interrupts="{client} while it is recreated",
                snippet='services:\n  {client}:\n    dns_opt: ["ndots:1"]',
            ),
        ),
        look_alikes=(
            ("dns-first-server-dead-slow", "there one question takes all the time"),
        ),
        references=("resolv.conf(5)",),
    ),
    Cause(
        id="dns-musl-behaviour",
        group=GROUP,
        title="{host} resolves for glibc, not for the musl programs of {client}",
        explanation=(
            "{dns_server} has an address ({good_record}) for {host}, but says "
            "{bad_outcome} to the question for {bad_record}. A name that exists must "
            "not get that for a record it lacks (RFC 4074). glibc overlooks it; musl, "
            "which the image of {client} has, gives up."
        ),
        decisive=(
            "the image has musl's loader, one record type is answered with addresses, "
            "and the other with NXDOMAIN or SERVFAIL"
        ),
        fixes=(
            FixPlan(
                "Let the zone's server answer {bad_record} with no error and no "
                "record, as it should; or ask another server (--dns)."
            ),
            FixPlan(
                "Use an image with glibc (debian-slim instead of alpine), or ask for "
                "IPv4 only in the application.",
                interrupts="{client} while it is recreated",
            ),
        ),
        look_alikes=(("dns-upstream-refuses", "there no record is answered"),),
        references=(
            "https://git.musl-libc.org/cgit/musl/tree/src/network/lookup_name.c",
            "RFC 4074",
        ),
        proof="recorded",
    ),
    Cause(
        id="port-53-conflict",
        group=GROUP,
        title="{server} could not start: port 53 of this host is taken by {holder}",
        explanation=(
            "The engine could not start {server}: {engine_error}. Port 53 is held by "
            "{holder}. On many hosts that is the resolver of the host itself "
            "(systemd-resolved, dnsmasq): one that listens on a single address still "
            "keeps others from taking all of them."
        ),
        decisive="State.Error says that the port is taken, and the port is 53",
        fixes=(
            FixPlan(
                "Publish {server} on one address only, on which nobody listens "
                "(-p <address of this host>:53:53/udp), and recreate it.",
                interrupts="{server} while it is recreated",
                snippet=(
                    "services:\n  {server}:\n    ports:\n"
                    '      - "<address of this host>:53:53/udp"\n'
                    '      - "<address of this host>:53:53/tcp"'
                ),
            ),
            FixPlan(
                "Or free the port ({holder}), then start {server}. For "
                "systemd-resolved: DNSStubListener=no in /etc/systemd/resolved.conf, "
                "and a resolv.conf that does not name 127.0.0.53 any more.",
                ("docker start {server!q}",),
            ),
        ),
        look_alikes=(("host-port-already-allocated", "the same, for any other port"),),
        references=("https://github.com/containers/podman/issues/18463",),
    ),
    Cause(
        id="dns-conntrack-race-5s",
        group=GROUP,
        title="lookups of {client} stall now and then: one of two datagrams is lost",
        explanation=(
            "A resolver asks for the IPv4 and the IPv6 address at the same moment. "
            "Where both datagrams are translated, the second may find its entry in "
            "connection tracking taken and is dropped; glibc asks again after 5 s."
        ),
        decisive=(
            "of two questions at once one stays unanswered, alone it is answered, and "
            "connection tracking counts insert_failed"
        ),
        fixes=(
            FixPlan(
                "Recreate {client} with --dns-opt single-request-reopen (glibc): the "
                "two questions then leave one after another.",
                interrupts="{client} while it is recreated",
                snippet=(
                    "services:\n  {client}:\n    dns_opt: [single-request-reopen]"
                ),
            ),
            FixPlan(
                "Let it ask over TCP (--dns-opt use-vc), or put a cache on the host's "
                "bridge address: fewer questions are translated."
            ),
        ),
        look_alikes=(
            ("dns-first-server-dead-slow", "there each lookup is slow, by 4 or 5 s"),
            ("dns-concurrency-limit", "there the engine's own server drops"),
        ),
        references=(
            "https://www.weave.works/blog/racy-conntrack-and-dns-lookup-timeouts",
        ),
        proof="recorded",
    ),
    Cause(
        id="dns-concurrency-limit",
        group=GROUP,
        title="the engine's name server drops questions of {client}",
        explanation=(
            "127.0.0.11 serves a bounded number of questions at a time (1024 since "
            "20.10, 100 before) and drops what is above. {servers_said}."
        ),
        decisive=(
            "of many questions 127.0.0.11 leaves some unanswered while every server "
            "behind it answers all of them"
        ),
        fixes=(
            FixPlan(
                "Let {client} ask less: keep connections open, and keep answers in a "
                "cache inside it (dnsmasq, nscd, the application's own).",
            ),
            FixPlan(
                "A slow upstream server holds places: the faster it is, the more "
                "questions fit.",
            ),
        ),
        look_alikes=(
            ("dns-upstream-dead", "there the server behind fails as well"),
            ("dns-conntrack-race-5s", "there one of two datagrams is lost on its way"),
        ),
        references=("https://github.com/moby/libnetwork/issues/2082",),
        proof="recorded",
    ),
)
