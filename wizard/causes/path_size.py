"""Large packets are lost on a way that carries small ones."""

from __future__ import annotations

from netwiz.wizard.causes.model import Cause, FixPlan

GROUP = "Routing and packet size"
CLAMP = FixPlan(
    "Let this host tell both ends to send smaller segments on whatever it forwards. "
    "This helps at once, for new TCP connections only.",
    (
        "iptables -t mangle -I FORWARD -p tcp --tcp-flags SYN,RST SYN -j TCPMSS "
        "--set-mss {path_mss}",
    ),
    lasting=False,
)
SMALLER = FixPlan(
    "For good, and for UDP as well: give the network an MTU of {path_mtu}. Networks "
    'are not changed, only made anew; for docker0 it is "mtu": {path_mtu} in '
    "/etc/docker/daemon.json.",
    snippet=(
        "networks:\n  {network}:\n    driver_opts:\n      "
        'com.docker.network.driver.mtu: "{path_mtu}"\n'
    ),
    interrupts="the containers of {network} while it is made anew",
)

CAUSES = (
    Cause(
        id="mtu-blackhole-path",
        group=GROUP,
        title="large packets between {client} and {address} vanish on the way",
        explanation=(
            "Both ends think that a packet may have {device_mtu} bytes; somewhere "
            "between them only {measured} come through, and the ICMP message that "
            "would say so does not arrive. So connecting works, and everything large "
            "hangs."
        ),
        decisive=(
            "the same words or answer that hang come through in small segments, and "
            "nobody reports 'fragmentation needed'"
        ),
        fixes=(
            FixPlan(
                "Remove the rule `{rule}` ({rule_where}), which took the large ones.",
                ("{remove_rule}",),
                when="remove_rule",
                lasting=False,
            ),
            CLAMP,
            SMALLER,
        ),
        look_alikes=(
            ("app-hung-not-accepting", "there the words arrive, and wait"),
            ("dpi-silent-drop", "there small segments are lost as well"),
            ("bridge-mtu-larger-than-uplink", "there it is this host's own uplink"),
        ),
        references=(
            "RFC 1191",
            "RFC 2923, 2.1",
            "https://github.com/moby/moby/issues/20178",
        ),
    ),
    Cause(
        id="bridge-mtu-larger-than-uplink",
        group=GROUP,
        title="{client} sends larger packets than {uplink} of this host takes",
        explanation=(
            "The network of {client} has an MTU of {device_mtu}, and {uplink}, by "
            "which this host goes to {address}, one of {uplink_mtu}. The host should "
            "report each packet that is too large (ICMP 'fragmentation needed'); the "
            "reports do not arrive, so everything large hangs."
        ),
        decisive=(
            "small segments come through where large ones do not, and the uplink's MTU "
            "is below that of the client's network"
        ),
        fixes=(CLAMP, SMALLER),
        look_alikes=(
            ("mtu-blackhole-path", "there the narrow part is beyond this machine"),
        ),
        references=("RFC 1191", "https://github.com/moby/libnetwork/issues/1021"),
    ),
)
