"""Nothing gets out: forwarding is off, or packets leave with a private source."""

from __future__ import annotations

from netwiz.wizard.causes.model import Cause, FixPlan

GROUP = "Way out"
RESTART = "{restart_interrupts}"

CAUSES = (
    Cause(
        id="ip-forward-off",
        group=GROUP,
        title="this host forwards no packets ({switch} = 0)",
        explanation=(
            "Containers on a bridge reach other machines, and are reached by them, "
            "only if this host forwards their packets. {switch} is 0: the kernel "
            "throws away, without a word, what is not for this host itself. Docker "
            "switches it on at its start; something has switched it off since "
            "(a reload of sysctl.conf, a hardening script, cloud-init)."
        ),
        decisive=(
            "the packet came in at a device of this host, did not leave it, and the "
            "kernel's forwarding switch is 0"
        ),
        fixes=(
            FixPlan(
                "Switch forwarding on. To keep it, write the line into a file of "
                "/etc/sysctl.d whose name sorts last, and look for what switched it "
                "off: sysctl --system | grep forward shows every file that sets it.",
                ("sysctl -w {switch}=1",),
                lasting=False,
                snippet="# /etc/sysctl.d/99-forwarding.conf\n{switch_file}",
            ),
        ),
        look_alikes=(
            ("masquerade-missing", "there the packet leaves, with a private source"),
            ("per-interface-forwarding-off", "there only one device is switched off"),
        ),
        verify=("sysctl {switch}",),
        references=(
            "Linux, Documentation/networking/ip-sysctl.rst, ip_forward",
            "https://github.com/moby/moby/issues/28257",
        ),
    ),
    Cause(
        id="per-interface-forwarding-off",
        group=GROUP,
        title="this host forwards nothing that comes in at {device} ({switch} = 0)",
        explanation=(
            "Forwarding looks switched on, but the kernel asks the device by which a "
            "packet comes in, and for {device} it is off: {switch} = 0. What comes in "
            "there for somebody else is thrown away without a word. systemd-networkd "
            "(IPForward=, IPv4Forwarding=) and sysctl files set it per device."
        ),
        decisive=(
            "the packet or its answer came in at a device whose own forwarding switch "
            "is 0, and went no further, though the general switch is 1"
        ),
        fixes=(
            FixPlan(
                "Switch it on for {device}. To keep it, write the line into a file of "
                "/etc/sysctl.d, or set IPv4Forwarding=yes (IPForward=yes before "
                "systemd 256) for the device in systemd-networkd.",
                ("sysctl -w {switch}=1",),
                lasting=False,
                snippet="# /etc/sysctl.d/99-forwarding.conf\n{switch_file}",
            ),
        ),
        look_alikes=(("ip-forward-off", "there the general switch is 0"),),
        verify=("sysctl {switch}",),
        references=("Linux, Documentation/networking/ip-sysctl.rst, forwarding",),
    ),
    Cause(
        id="masquerade-missing",
        group=GROUP,
        title="packets of network {network} leave with private addresses",
        explanation=(
            "The packet left this machine at {device} with the source {source}, an "
            "address of the Docker network {network}. Nobody outside has a route back "
            "to it, so no answer can come. The rule that should give it this host's "
            "address (MASQUERADE of {subnet}) is missing; those of other networks may "
            "be there."
        ),
        decisive=(
            "the packet leaves the uplink with the container's own address, no rule "
            "rewrites it, and the same target answers this host itself"
        ),
        fixes=(
            FixPlan(
                "Put the rule back. The engine writes it when it starts or when the "
                "network is made: by hand it lasts until the next reboot.",
                ("{masquerade}",),
                lasting=False,
            ),
            FixPlan(
                "Or restart the engine, which writes all its rules anew.",
                ("systemctl restart docker",),
                interrupts=RESTART,
            ),
        ),
        look_alikes=(
            ("ip-forward-off", "there nothing leaves at the uplink"),
            (
                "masquerade-disabled-by-option",
                "there the network was made without it, and the rule would be lost "
                "again",
            ),
            ("docker-rules-flushed", "there no rule of the engine is left at all"),
        ),
        verify=("iptables -t nat -S POSTROUTING",),
        references=("https://github.com/firewalld/firewalld/issues/844",),
    ),
    Cause(
        id="masquerade-disabled-by-option",
        group=GROUP,
        title="network {network} was made without masquerading",
        explanation=(
            "The packet left this machine at {device} with the source {source}, an "
            "address of the Docker network {network}, and nobody outside has a route "
            "back to it. The network has the option {option}: the engine does not "
            "rewrite its packets, which works only where the routers outside know "
            "{subnet}."
        ),
        decisive=(
            "the packet leaves the uplink with the container's own address, the "
            "network's options say so, and the same target answers this host itself"
        ),
        fixes=(
            FixPlan(
                "Masquerade {subnet} by hand. That lasts until the next reboot.",
                ("{masquerade}",),
                lasting=False,
            ),
            FixPlan(
                "Make the network anew without the option. Addresses given with --ip "
                "must be given again.",
                ("{anew}",),
                when="anew",
                interrupts="the connections of {members}",
            ),
            FixPlan(
                "Remove the option from the network's definition and make it anew.",
                when="anew_by_hand",
                interrupts="the connections of {members}",
                snippet="networks:\n  {network}:\n    driver_opts: {{}}"
                "   # without {option}",
            ),
            FixPlan(
                "Remove the option from the engine's configuration "
                "(/etc/docker/daemon.json: ip-masq) and restart it.",
                when="default_bridge",
                interrupts=RESTART,
                snippet='{{ "ip-masq": true }}',
            ),
            FixPlan(
                "Or, if that was meant: tell the router outside that {subnet} is "
                "behind this host."
            ),
        ),
        look_alikes=(
            ("masquerade-missing", "there the network should be masqueraded"),
        ),
        references=(
            "https://docs.docker.com/engine/network/drivers/bridge/#default-host-binding-address",
        ),
    ),
    Cause(
        id="docker-rules-flushed",
        group=GROUP,
        title="the engine's packet filter rules are gone ({tables})",
        explanation=(
            "The engine writes its rules when it starts and when a network is made. "
            "No rule of it is left in the {tables} table: something has flushed the "
            "packet filter since (iptables -F, nft flush ruleset, a firewall that was "
            "restarted). Published ports may still answer, by docker-proxy; what "
            "containers send out is not masqueraded any more, and networks are no "
            "longer kept apart."
        ),
        decisive=(
            "the engine is to write rules, containers run, and no rule of it is left; "
            "the packet met just that"
        ),
        fixes=(
            FixPlan(
                "Restart the engine: it writes its rules anew. Then see to it that "
                "the firewall is started before the engine, and is not flushed.",
                ("systemctl restart docker",),
                interrupts=RESTART,
            ),
        ),
        look_alikes=(
            ("masquerade-missing", "there a single rule is missing"),
            (
                "docker-iptables-false",
                "there the engine was told to write none: a restart does not help",
            ),
        ),
        verify=("iptables -t nat -S | grep DOCKER", "iptables -S | grep DOCKER"),
        references=(
            "https://github.com/moby/moby/issues/14073",
            "https://github.com/moby/moby/issues/26494",
        ),
    ),
    Cause(
        id="docker-iptables-false",
        group=GROUP,
        title="the engine was told to write no packet filter rules (iptables=false)",
        explanation=(
            "The packet left this machine at {device} with the source {source}, an "
            "address of the Docker network {network}, and nobody outside has a route "
            "back to it. The engine would masquerade it, but it runs with "
            "iptables=false: all its rules are left to you, and there is none."
        ),
        decisive=(
            "the engine runs with iptables=false, the packet leaves with the "
            "container's own address, and the same target answers this host itself"
        ),
        fixes=(
            FixPlan(
                "Write the rule that the engine does not. That lasts until the next "
                "reboot: your own firewall's configuration is where it belongs.",
                ("{masquerade}",),
                lasting=False,
            ),
            FixPlan(
                "Or remove the option (/etc/docker/daemon.json, or --iptables=false "
                "of the command line) and restart the engine.",
                interrupts=RESTART,
                snippet='{{ "iptables": true }}',
            ),
        ),
        look_alikes=(("docker-rules-flushed", "there a restart of the engine helps"),),
        references=(
            "https://docs.docker.com/engine/network/packet-filtering-firewalls/",
        ),
    ),
    Cause(
        id="ttl-hop-limit",
        group=GROUP,
        title="answers of {address} may not travel on from this host to {client}",
        explanation=(
            "{address} answers, with a time to live that ends at this host: the "
            "answer came in at {device} with ttl 1. To a container it is one hop "
            "more, so this host throws it away. This host itself, and containers of "
            "the host's network, are answered. Cloud metadata services do so on "
            "purpose (AWS IMDSv2: hop limit 1)."
        ),
        decisive="the answer comes in at the uplink with ttl 1 and goes no further",
        fixes=(
            FixPlan(
                "Allow the metadata service one hop more.",
                (),
                when="cloud",
                snippet=(
                    "aws ec2 modify-instance-metadata-options --instance-id <id> "
                    "--http-put-response-hop-limit 2 --http-endpoint enabled"
                ),
            ),
            FixPlan(
                "Let whoever sends with so small a time to live raise it by one. From "
                "here it can be raised on arrival; that lasts until the next reboot.",
                ("{raise_ttl}",),
                lasting=False,
            ),
            FixPlan(
                "Or run {client} in the host's network.",
                snippet="network_mode: host",
            ),
        ),
        look_alikes=(
            ("masquerade-missing", "there no answer comes in at all"),
            ("per-interface-forwarding-off", "there the ttl would suffice"),
        ),
        references=(
            "https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html",
            "https://github.com/buildkite/elastic-ci-stack-for-aws/issues/857",
        ),
    ),
    Cause(
        id="proxy-env-missing",
        group=GROUP,
        title="{client} is told of no proxy, and only {proxy} leads out",
        explanation=(
            "Nobody here gets an answer from {address} directly: neither {client} nor "
            "this host. The engine itself fetches its images through the proxy "
            "{proxy}, and {client} could reach that, but its environment names none."
        ),
        decisive=(
            "client and host get no answer directly, the engine goes out by a proxy, "
            "the proxy answers the client, and the client has no proxy variable"
        ),
        fixes=(
            FixPlan(
                "Recreate {client} with the proxy in its environment, in both "
                "spellings. For all new containers: proxies in ~/.docker/config.json.",
                interrupts="{client} while it is recreated",
                snippet=(
                    "environment:\n  HTTP_PROXY: {proxy_url}\n"
                    "  HTTPS_PROXY: {proxy_url}\n  http_proxy: {proxy_url}\n"
                    "  https_proxy: {proxy_url}\n"
                    "  NO_PROXY: localhost,127.0.0.1   # and your internal names"
                ),
            ),
        ),
        look_alikes=(
            ("proxy-env-captures-internal", "there a proxy is named, and cannot help"),
        ),
        references=("https://docs.docker.com/engine/cli/proxy/",),
        proof="recorded",
    ),
)
