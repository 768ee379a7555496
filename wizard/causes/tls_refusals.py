"""TLS handshakes that are turned down, cut short, or no TLS at all."""

from __future__ import annotations

from netwiz.wizard.causes.model import Cause, FixPlan

GROUP = "TLS"
_VERIFY = (
    "openssl s_client -connect {spot} -servername {host} -verify_return_error "
    "</dev/null"
)

CAUSES = (
    Cause(
        id="tls-protocol-cipher-mismatch",
        group=GROUP,
        title="{server} {what}: nothing in common with today's clients",
        explanation=(
            "Offered what clients offer today (TLS 1.2 and 1.3), {server} breaks off: "
            "{reason}. Offered everything, it takes {version} with {cipher}."
        ),
        decisive="the same handshake succeeds once old versions or ciphers are offered",
        fixes=(
            FixPlan(
                "Let {server} speak TLS 1.2 or 1.3 with current ciphers (nginx: "
                "ssl_protocols TLSv1.2 TLSv1.3; and leave ssl_ciphers at its default), "
                "or replace what is too old to do so.",
                interrupts="nothing where the server reloads",
            ),
        ),
        look_alikes=(
            ("tls-client-cert-required", "there the same alert is about a certificate"),
            ("tls-to-plaintext-port", "there the answer is no TLS at all"),
        ),
        verify=(
            "openssl s_client -connect {spot} -servername {host} -tls1_2 </dev/null",
        ),
        references=("RFC 8996: TLS 1.0 and 1.1 are not to be used",),
    ),
    Cause(
        id="tls-client-cert-required",
        group=GROUP,
        title="{server} wants a client certificate, and {client} shows none",
        explanation=(
            "{server} asks for a certificate of the client (issued by {takes}) and "
            "ends the connection without one. With TLS 1.3 that shows only when the "
            "client first reads, after a handshake that looked good."
        ),
        decisive="a CertificateRequest, and an alert in answer to none",
        fixes=(
            FixPlan(
                "Give {client} a certificate that {server} takes (issued by {takes}) "
                "and its key, and let the application use them (curl --cert, --key).",
                interrupts="{client} while it is recreated",
                snippet="volumes:\n  - ./client.pem:/certs/client.pem:ro",
            ),
            FixPlan(
                "Or let {server} ask without insisting (nginx: ssl_verify_client "
                "optional).",
                interrupts="nothing where the server reloads",
            ),
        ),
        look_alikes=(
            ("tls-protocol-cipher-mismatch", "there no certificate is asked for"),
            ("mesh-mtls-strict", "there a sidecar asks, and plaintext is cut off"),
        ),
        verify=(
            "openssl s_client -connect {spot} -servername {host} -cert client.pem "
            "</dev/null",
        ),
    ),
    Cause(
        id="tls-sni-unrecognized",
        group=GROUP,
        title="{server} has no certificate for the name it is asked for",
        explanation=(
            "{server} chooses by the name in the client's hello (SNI). {client} dials "
            "{host}, for which it has none, so it answers with {meets_default}."
        ),
        decisive=(
            "asked for another name, the same server sends another certificate or ends "
            "the handshake well; or it says so itself (alert 112)"
        ),
        fixes=(
            FixPlan(
                "Dial the name that it knows: {known_name} (as an alias of {server} on "
                "the network that both are on).",
                when="known_name",
                interrupts="{server} while it is recreated",
                snippet=(
                    "services:\n  {server}:\n    networks:\n      default:\n"
                    "        aliases:\n          - {known_name}"
                ),
            ),
            FixPlan(
                "Or teach {server} the name {host}: a server block (nginx: server_name "
                "{host}) or a router rule (Traefik: Host(`{host}`)) with a certificate "
                "for it.",
                interrupts="nothing where the server reloads",
            ),
        ),
        look_alikes=(
            ("tls-hostname-mismatch", "there the server has only that certificate"),
            ("tls-protocol-cipher-mismatch", "there no name helps"),
        ),
        verify=(_VERIFY,),
        references=("RFC 6066, section 3",),
    ),
    Cause(
        id="tls-stall",
        group=GROUP,
        title="{server} does not read the TLS hello: its process hangs",
        explanation=(
            "The connection is accepted by the kernel and the hello arrived, but "
            "{unread} bytes of it lie unread: the service does not get to it."
        ),
        decisive="the hello lies unread in the server's own socket",
        fixes=(
            FixPlan(
                "See what {server} is busy with, then restart it.",
                ("docker logs --tail 50 {server!q}", "docker restart {server!q}"),
                when="server_is_container",
                lasting=False,
                interrupts="{server} while it restarts",
            ),
            FixPlan("See what the service is busy with, then restart it."),
        ),
        look_alikes=(
            (
                "mtu-blackhole-path",
                "there the server answered, and its large packets are lost",
            ),
            ("tls-to-plaintext-port", "there it answers when spoken to without TLS"),
        ),
    ),
    Cause(
        id="tls-dpi-reset",
        group=GROUP,
        title="somebody between {client} and {server} resets TLS connections",
        explanation=(
            "After the hello a reset comes in the name of {address}, but {server} did "
            "not send it: it was first seen at {born}. A filter on the way reads what "
            "is said and ends what it does not like."
        ),
        decisive="the reset was born on the way: the server's namespace sent none",
        fixes=(
            FixPlan(
                "Find the rule that matches what is said (string, ndpi, l7 or an "
                "inspecting firewall) and take {address} out of it.",
                ("iptables-save | grep -iE 'string|ndpi|layer7|tcp-reset'",),
            ),
        ),
        look_alikes=(
            ("tls-stall", "there nothing comes at all"),
            ("dpi-midstream-rst", "there it is not about TLS"),
        ),
    ),
    Cause(
        id="tls-to-plaintext-port",
        group=GROUP,
        title="{spot} does not speak TLS, but {client} does",
        explanation=(
            "{client} begins with a TLS hello, and {server} answers in plain words. "
            "Clients call it 'wrong version number', 'record layer failure' or 'first "
            "record does not look like a TLS handshake'."
        ),
        decisive="the answer to a ClientHello is no TLS record",
        fixes=(
            FixPlan("Dial it without TLS: http instead of https in {client}."),
            FixPlan(
                "Or dial the port on which {server} speaks TLS, if it has one, or let "
                "it speak TLS here (nginx: listen {port} ssl).",
            ),
        ),
        look_alikes=(
            ("plaintext-to-tls-port", "the other way round"),
            ("tls-protocol-cipher-mismatch", "there the answer is TLS, an alert"),
        ),
        verify=("curl -sv http://{spot}/",),
    ),
    Cause(
        id="plaintext-to-tls-port",
        group=GROUP,
        title="{spot} speaks TLS, but {client} does not",
        explanation=(
            "{client} speaks plain HTTP to a port on which {server} wants a TLS "
            "handshake first; it answers with an error, an alert or not at all."
        ),
        decisive="plain HTTP is turned down there, and a TLS handshake is answered",
        fixes=(FixPlan("Dial it with TLS: https instead of http in {client}."),),
        look_alikes=(
            ("tls-to-plaintext-port", "the other way round"),
            ("published-wrong-container-port", "there nothing is said either way"),
        ),
        verify=("curl -skv https://{spot}/",),
    ),
    Cause(
        id="mesh-mtls-strict",
        group=GROUP,
        title="a mesh sidecar of {server} takes nothing but mutual TLS",
        explanation=(
            "{proxy} stands before {server}: it cuts off plaintext, and in TLS it asks "
            "for a client certificate of the mesh. {client} is not in the mesh."
        ),
        decisive=(
            "a mesh's proxy runs in the server's namespace, cuts plaintext off and "
            "asks for a client certificate"
        ),
        fixes=(
            FixPlan(
                "Bring {client} into the mesh, or let {server} take both for a while "
                "(Istio: PeerAuthentication mode PERMISSIVE).",
                snippet="spec:\n  mtls:\n    mode: PERMISSIVE",
            ),
        ),
        look_alikes=(
            ("plaintext-to-tls-port", "there TLS alone is enough"),
            ("tls-client-cert-required", "there the service itself asks"),
        ),
        references=(
            "https://istio.io/latest/docs/reference/config/security/peer_authentication/",
        ),
        proof="recorded",
    ),
)
