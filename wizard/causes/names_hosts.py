"""Names that come from files, caches and search lists: right once, or never meant."""

from __future__ import annotations

from netwiz.wizard.causes.model import Cause, FixPlan

GROUP = "Names that mislead"
_GATEWAY_SNIPPET = (
    "services:\n  {client}:\n    extra_hosts:\n"
    '      - "host.docker.internal:host-gateway"'
)

HOSTS = (
    Cause(
        id="host-docker-internal-undefined",
        group=GROUP,
        title="{host} is not defined in {client}",
        explanation=(
            "Docker Desktop gives every container the name {host} for its host. The "
            "engine on Linux does so only when it is told to, container by container; "
            "{client} was made without."
        ),
        decisive="the client's hosts file has no line for the name, and DNS no answer",
        fixes=(
            FixPlan(
                "Recreate {client} with --add-host={host}:host-gateway (engine 20.10 "
                "or later). A container that exists cannot be told any more.",
                interrupts="{client} while it is recreated",
                snippet=_GATEWAY_SNIPPET,
            ),
        ),
        look_alikes=(
            ("host-gateway-is-docker0", "there the name has an address"),
            ("alias-missing", "there the name is meant for a container"),
        ),
        references=("https://github.com/docker/for-linux/issues/264",),
    ),
    Cause(
        id="host-gateway-is-docker0",
        group=GROUP,
        title="{host} is {gateway_address}, but the service listens on {right_gateway}",
        explanation=(
            "host-gateway always means the address of the default bridge, "
            "{gateway_address}, on whatever network {client} is. On this host port "
            "{port} is open on {listeners} only, the gateway of {network}."
        ),
        decisive=(
            "the hosts file leads to docker0's address, and the host listens on the "
            "port at the gateway of the client's own network only"
        ),
        fixes=(
            FixPlan(
                "Let the service on the host listen on 0.0.0.0, or on "
                "{gateway_address} as well, behind a firewall that lets only the "
                "containers in."
            ),
            FixPlan(
                "Recreate {client} with --add-host={host}:{right_gateway}, or dial "
                "{better}.",
                interrupts="{client} while it is recreated",
                snippet=(
                    "services:\n  {client}:\n    extra_hosts:\n"
                    '      - "{host}:{right_gateway}"'
                ),
            ),
        ),
        look_alikes=(
            ("host-service-bound-loopback", "there it listens on 127.0.0.1 only"),
            ("host-docker-internal-undefined", "there the name has no address"),
        ),
        references=(
            "https://docs.docker.com/reference/cli/dockerd/ (--host-gateway-ip)",
        ),
    ),
    Cause(
        id="etc-hosts-stale",
        group=GROUP,
        title="the hosts file of {client} says {host} is {old}, which it no longer is",
        explanation=(
            "The hosts file is read before any name server is asked. Its line for "
            "{host} says {old} ({old_owner}); {told_by} says {now}. nslookup and dig "
            "do not read that file and show the right address all the while."
        ),
        decisive=(
            "the hosts file answers with an address that fails, and what DNS or the "
            "engine says of the name is another one, that works"
        ),
        fixes=(
            FixPlan(
                "Recreate {client} without the line (--add-host, extra_hosts): the "
                "engine's name server knows {host}.",
                interrupts="{client} while it is recreated",
            ),
            FixPlan(
                "Until then take the line out of the file. It comes back if {client} "
                "is recreated as it was.",
                (
                    "docker exec {client!q} sh -c "
                    '\'sed "/[[:space:]]"$1"\\([[:space:]]\\|$\\)/d" /etc/hosts '
                    "> /tmp/hosts && cat /tmp/hosts > /etc/hosts && "
                    "rm /tmp/hosts' sh {host!q}",
                ),
                lasting=False,
            ),
        ),
        look_alikes=(
            (
                "client-dns-cached-stale-ip",
                "there the file is right, and a cache is not",
            ),
            ("dns-search-hijack", "there a name server answered"),
            ("legacy-link-missing", "there --link wrote the line"),
        ),
        references=("hosts(5)", "nsswitch.conf(5)"),
    ),
    Cause(
        id="client-dns-cached-stale-ip",
        group=GROUP,
        title="{client} holds on to {old}, an address that {host} no longer has",
        explanation=(
            "{host} is {now} by now, and a connection there works. {client} asked "
            "once, before {server} was made anew, and still uses {old} ({old_owner}). "
            "nginx, the JVM and connection pools do so until they are told otherwise."
        ),
        decisive=(
            "the server was started after the client, and a live socket or a log line "
            "of the client since then names an address of its network that the name "
            "does not have today"
        ),
        fixes=(
            FixPlan(
                "Restart {client}: it asks anew.",
                ("docker restart {client!q}",),
                interrupts="{client} while it restarts",
                lasting=False,
            ),
            FixPlan(
                "So that it asks again by itself: in nginx a resolver and a variable "
                "in proxy_pass, in the JVM networkaddress.cache.ttl; or give {server} "
                "a fixed address.",
                snippet=(
                    "resolver 127.0.0.11 valid=10s;\nset $upstream {host};\n"
                    "proxy_pass http://$upstream:{port};"
                ),
            ),
        ),
        look_alikes=(
            ("etc-hosts-stale", "there the hosts file holds the old address"),
            ("container-ip-hardcoded", "there the configuration holds a number"),
        ),
        references=(
            "https://nginx.org/en/docs/http/ngx_http_core_module.html#resolver",
        ),
    ),
    Cause(
        id="dns-search-hijack",
        group=GROUP,
        title="{host} became {question}, and a wildcard there answers for everything",
        explanation=(
            "{client}'s resolver appends the search list ({search}) to short names. "
            "Below {domain} every name has an address, so {host} led to {stranger}. "
            "{meant}."
        ),
        decisive=(
            "the name was answered with a search domain appended, a name that cannot "
            "exist gets the same address below that domain, and a container was meant"
        ),
        fixes=(
            FixPlan(
                "Write {host}. with a dot at its end where the application takes it: "
                "the search list is then left out."
            ),
            FixPlan(
                "Recreate {client} with --dns-search . (an empty search list), and see "
                "that {server} runs under the name that is dialled.",
                interrupts="{client} while it is recreated",
                snippet='services:\n  {client}:\n    dns_search: ["."]',
            ),
        ),
        look_alikes=(
            ("dns-name-leaks-upstream", "there the bare name was answered outside"),
            ("container-not-running", "there nobody answers for the name"),
        ),
        references=("resolv.conf(5)",),
    ),
    Cause(
        id="dns-name-leaks-upstream",
        group=GROUP,
        title="the name of {server} is asked outside, for {server} is not running",
        explanation=(
            "The engine's name server knows only containers that run. A name that it "
            "does not know it passes on, here to {leaked_to}. {leak_text}"
        ),
        decisive=(
            "the container of that name is down, and the question for it was seen to "
            "leave the client, or came back with a stranger's address"
        ),
        fixes=(
            FixPlan(
                "Start {server}: a name that the engine knows never leaves.",
                ("docker start {server!q}",),
            ),
            FixPlan(
                "So that it never leaves, even then: put {client} on an internal "
                "network alone, or name a server with --dns that refuses short names."
            ),
        ),
        look_alikes=(
            ("dns-upstream-dead", "there names from outside fail, not a container's"),
            ("dns-search-hijack", "there a search domain was appended"),
        ),
        references=("https://github.com/moby/libnetwork/issues/2082",),
    ),
    Cause(
        id="alias-collision",
        group=GROUP,
        title="{host} is answered by {owners}, which are of different projects",
        explanation=(
            "On a shared network two projects answer to one name: {owners_text}. The "
            "engine hands out their addresses in turn, so now the one, now the other "
            "is reached."
        ),
        decisive=(
            "the addresses of the name belong to containers of different Compose "
            "projects"
        ),
        fixes=(
            FixPlan(
                "Dial a name that only one of them has: {unique}.",
            ),
            FixPlan(
                "Take the name from {intruder} on {network}. It is off that network "
                "for a moment.",
                (
                    "docker network disconnect {network!q} {intruder!q}",
                    "docker network connect {network!q} {intruder!q}",
                ),
                when="can_rename",
                lasting=False,
                interrupts="connections of {intruder} on {network}",
                snippet=(
                    "services:\n  {intruder}:\n    networks:\n      {network}:\n"
                    "        aliases: [{unique_alias}]"
                ),
            ),
        ),
        look_alikes=(
            ("one-dead-replica", "there all are replicas of one service"),
            ("duplicate-ip", "there one address has two owners"),
        ),
        references=("https://github.com/docker/compose/issues/3448",),
    ),
)
