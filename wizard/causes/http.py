"""What is said over a network that works."""

from __future__ import annotations

from netwiz.wizard.causes.model import Cause, FixPlan

GROUP = "Application"

CAUSES = (
    Cause(
        id="proxy-env-captures-internal",
        group=GROUP,
        title="{client} is told to reach {host} through the proxy {proxy}, in vain",
        explanation=(
            "{variable} sends the requests of {client} to {proxy}, those to {host} as "
            "well, for NO_PROXY does not name it. The proxy cannot: {proxy_said}. "
            "Directly {host} answers."
        ),
        decisive=(
            "the client's environment names a proxy and does not exempt the target; "
            "the target answers directly, and the proxy refuses or fails"
        ),
        fixes=(
            FixPlan(
                "Exempt internal names in the environment of {client}, in both "
                "spellings; docker's own defaults for new containers are in "
                "~/.docker/config.json (proxies).",
                interrupts="{client} while it is recreated",
                snippet=(
                    "environment:\n  NO_PROXY: localhost,127.0.0.1,{host}\n"
                    "  no_proxy: localhost,127.0.0.1,{host}"
                ),
            ),
        ),
        look_alikes=(
            ("app-level-rejection", "there the application itself says no"),
            ("proxy-env-missing", "there a proxy is needed, and none is named"),
        ),
        verify=("curl --noproxy '*' -sSI http://{spot}/",),
    ),
    Cause(
        id="app-level-rejection",
        group=GROUP,
        title="the network is fine: the application in {server} says {status_line}",
        explanation=(
            "{client} reaches {server}, is heard, and is answered: {status_line}. What "
            "it refuses or fails at, only the application knows."
        ),
        decisive="a whole answer of the application that says no (HTTP 4xx, 5xx)",
        fixes=(
            FixPlan(
                "Look into the log of {server}: 401 and 403 are its access rules, 404 "
                "its paths, 502 to 504 what stands behind it.",
                ("docker logs --tail 50 {server!q}",),
                when="server_is_container",
            ),
            FixPlan(
                "Look at what the application in {server} says to this request: its "
                "access rules, its paths, and what stands behind it."
            ),
        ),
        look_alikes=(
            ("proxy-env-captures-internal", "there a proxy on the way says no"),
            ("hostname-with-underscore", "there the name alone is what it refuses"),
            ("source-ip-masked", "there it says no because of the address it sees"),
        ),
        verify=("curl -sSI http://{spot}/",),
    ),
    Cause(
        id="hostname-with-underscore",
        group=GROUP,
        title="{server} refuses requests for {host}: the name has an underscore",
        explanation=(
            "An underscore is no letter of a host name (RFC 952, RFC 1123). DNS and "
            "TCP do not mind, but {server} answers 400 where the Host is {host}."
        ),
        decisive="400 under the name with an underscore, another answer without it",
        fixes=(
            FixPlan(
                "Give {server} an alias without one, and let {client} dial that.",
                interrupts="{server} while it is recreated",
                snippet=(
                    "services:\n  {server}:\n    networks:\n      default:\n"
                    "        aliases:\n          - {plain_name}"
                ),
            ),
        ),
        look_alikes=(("app-level-rejection", "there every name is refused"),),
        verify=("curl -sSI -H 'Host: {plain_name}' http://{spot}/",),
        references=("RFC 1123, section 2.1",),
    ),
)
