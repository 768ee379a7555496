"""TLS certificates: trust, dates, names."""

from __future__ import annotations

from netwiz.wizard.causes.model import Cause, FixPlan

GROUP = "TLS"
_VERIFY = (
    "openssl s_client -connect {spot} -servername {host} -verify_return_error "
    "</dev/null"
)

CAUSES = (
    Cause(
        id="tls-unknown-ca",
        group=GROUP,
        title="{client} does not trust {issued_by}, who vouches for {server}",
        explanation=(
            "{server} shows a certificate for {subject} that leads to {issued_by}. "
            "{client} trusts {trusts}, and {issued_by} is not among them, so every "
            "verifying client there refuses the connection."
        ),
        decisive=(
            "the chain as sent leads to an authority that is not in the client's "
            "bundle, or the same handshake succeeds with the host's bundle"
        ),
        fixes=(
            FixPlan(
                "Get the certificate of {issued_by} from whoever runs it (not from "
                "this connection, which anybody could have answered) and add it to "
                "the image of {client}.",
                interrupts="{client} while it is recreated",
                snippet=(
                    "# Dockerfile (Debian, Alpine; needs the package "
                    "ca-certificates)\n"
                    "COPY company-ca.crt /usr/local/share/ca-certificates/\n"
                    "RUN update-ca-certificates"
                ),
            ),
            FixPlan(
                "Programs with a bundle of their own are told by a variable: "
                "NODE_EXTRA_CA_CERTS (Node), REQUESTS_CA_BUNDLE (Python requests), "
                "SSL_CERT_FILE (OpenSSL, Go), keytool -importcert (Java).",
                interrupts="{client} while it is recreated",
                snippet=(
                    "volumes:\n  - ./company-ca.crt:/certs/ca.crt:ro\n"
                    "environment:\n  SSL_CERT_FILE: /certs/ca.crt\n"
                    "  NODE_EXTRA_CA_CERTS: /certs/ca.crt\n"
                    "  REQUESTS_CA_BUNDLE: /certs/ca.crt"
                ),
            ),
        ),
        look_alikes=(
            ("tls-no-ca-bundle", "there the client trusts nobody at all"),
            (
                "tls-missing-intermediate",
                "there a trusted root is behind it, and a link is not sent",
            ),
            (
                "tls-intercepting-proxy",
                "there another certificate comes to the container than to the host",
            ),
        ),
        verify=(_VERIFY,),
        references=(
            "openssl-verification-options(1): X509_V_ERR 18, 19, 20",
            "https://github.com/distribution/distribution-library-image/issues/35",
        ),
    ),
    Cause(
        id="tls-no-ca-bundle",
        group=GROUP,
        title="{client} has no certificate bundle: it trusts no server at all",
        explanation=(
            "The image of {client} holds no list of authorities (in Alpine, slim and "
            "scratch images the package ca-certificates is left out). {server}'s "
            "certificate is good: with this host's bundle it is accepted. {in_vain}"
        ),
        decisive=(
            "the client's root file system has no bundle, and the same handshake "
            "succeeds with the host's"
        ),
        fixes=(
            FixPlan(
                "For now, give {client} this host's bundle.",
                ("tar -C / -chf - {bundle_below!q} | docker cp - {client!q}:/",),
                when="bundle_below",
                lasting=False,
            ),
            FixPlan(
                "For good, put the package into the image of {client}.",
                interrupts="{client} while it is recreated",
                snippet=(
                    "# Dockerfile: one of\n"
                    "RUN apk add --no-cache ca-certificates\n"
                    "RUN apt-get update && apt-get install -y ca-certificates\n"
                    "COPY --from=build /etc/ssl/certs/ca-certificates.crt "
                    "/etc/ssl/certs/"
                ),
            ),
        ),
        look_alikes=(
            (
                "tls-unknown-ca",
                "there the client has a bundle that lacks one authority",
            ),
            ("tls-missing-intermediate", "there the host does not accept it either"),
        ),
        verify=(_VERIFY,),
        references=("https://pkg.go.dev/crypto/x509#SystemCertPool",),
    ),
    Cause(
        id="tls-missing-intermediate",
        group=GROUP,
        title="{server} leaves out a certificate: {missing} is not sent",
        explanation=(
            "{server} sends its own certificate, but not that of {missing}, which "
            "signed it. The root behind it is trusted, but no client can get there. "
            "Browsers fetch or remember what is missing; other clients do not."
        ),
        decisive=(
            "the issuer's certificate, had from where the sent one names it, completes "
            "the chain to a root that the client trusts"
        ),
        fixes=(
            FixPlan(
                "Append the missing certificate to the chain file of {server} (nginx: "
                "the file of ssl_certificate; Apache: SSLCertificateFile; with certbot "
                "use fullchain.pem, not cert.pem), then reload it.",
                interrupts="nothing where the server reloads",
                snippet=(
                    "curl -s {url!q} | openssl x509 >>chain.pem    # DER: -inform der"
                ),
            ),
        ),
        look_alikes=(
            ("tls-unknown-ca", "there the root is not trusted either"),
            ("tls-no-ca-bundle", "there no server at all is trusted"),
        ),
        verify=(_VERIFY,),
        references=(
            "RFC 8446, section 4.4.2: each certificate certifies the one before",
        ),
    ),
    Cause(
        id="tls-intercepting-proxy",
        group=GROUP,
        title="somebody between {client} and {host} signs anew: {interceptor}",
        explanation=(
            "At the same address the host is shown a certificate by {true_issuer}, "
            "{client} one by {interceptor}. A proxy on the container's way opens TLS "
            "and closes it again with certificates of its own."
        ),
        decisive=(
            "from the host the same address shows another certificate, by another "
            "authority, and it is accepted there"
        ),
        fixes=(
            FixPlan(
                "If that proxy is wanted (a company's), add its authority to the image "
                "of {client}.",
                interrupts="{client} while it is recreated",
                snippet=(
                    "COPY proxy-ca.crt /usr/local/share/ca-certificates/\n"
                    "RUN update-ca-certificates"
                ),
            ),
            FixPlan(
                "If it is not, find the rule that leads there.",
                ("iptables -t nat -S PREROUTING",),
            ),
        ),
        look_alikes=(
            ("tls-unknown-ca", "there host and container see the same certificate"),
        ),
        references=("https://github.com/moby/moby/issues/36820",),
    ),
    Cause(
        id="tls-expired",
        group=GROUP,
        title="the certificate of {which} has expired: {dates}",
        explanation=(
            "{server} shows a certificate whose time is over. Every client that "
            "verifies refuses it."
        ),
        decisive="notAfter lies before now, and no two servers tell another time",
        fixes=(
            FixPlan(
                "Renew the certificate of {which} and let {server} reload it; then see "
                "why the renewal did not run (certbot renew --dry-run, the issuer's "
                "log), or why {server} still serves the old file.",
                interrupts="nothing where the server reloads",
            ),
        ),
        look_alikes=(
            ("clock-skew", "there two servers tell another time than this host"),
            ("tls-not-yet-valid", "there its time has not begun"),
        ),
        verify=(
            "openssl s_client -connect {spot} -servername {host} </dev/null | "
            "openssl x509 -noout -dates",
        ),
    ),
    Cause(
        id="tls-not-yet-valid",
        group=GROUP,
        title="the certificate of {which} is not valid yet: {dates}",
        explanation=(
            "{server} shows a certificate whose time has not begun: it was put in "
            "place too early, or made on a machine whose clock is ahead."
        ),
        decisive="notBefore lies after now, and no two servers tell another time",
        fixes=(
            FixPlan(
                "Let {server} serve the previous certificate until then, or make the "
                "new one again on a machine whose clock is right.",
                interrupts="nothing where the server reloads",
            ),
        ),
        look_alikes=(
            ("clock-skew", "there two servers tell another time than this host"),
            ("tls-expired", "there its time is over"),
        ),
        verify=(
            "openssl s_client -connect {spot} -servername {host} </dev/null | "
            "openssl x509 -noout -dates",
        ),
    ),
    Cause(
        id="clock-skew",
        group=GROUP,
        title="this host's clock is wrong: servers are {off} of it",
        explanation=(
            "By the clock here it is {our_time}; {server} and another server say "
            "{their_time}. Certificates that are good look expired or not yet valid. "
            "Containers have no clock of their own: it is the host's."
        ),
        decisive=(
            "two servers agree with each other on the time, and not with this host, "
            "and the certificate is valid by theirs"
        ),
        fixes=(
            FixPlan(
                "Let this host's clock be set, and keep it so.",
                ("timedatectl set-ntp true",),
                interrupts="timers and logs, which see the time jump",
            ),
        ),
        look_alikes=(
            ("tls-expired", "there the server's own clock agrees with ours"),
            ("tls-not-yet-valid", "there the server's own clock agrees with ours"),
        ),
        verify=("date -u; curl -skI https://{spot} | grep -i ^date",),
    ),
    Cause(
        id="tls-hostname-mismatch",
        group=GROUP,
        title="the certificate of {server} is not for {host}",
        explanation=(
            "{client} dials {host}. The certificate that {server} shows is for "
            "{whom}, and a client accepts only one for the name that it dials."
        ),
        decisive="no subjectAltName covers the name dialled",
        fixes=(
            FixPlan(
                "Dial a name that it is for: give {server} the alias {use_name} on the "
                "network that both are on, and let {client} use it.",
                when="use_name",
                interrupts="{server} while it is recreated",
                snippet=(
                    "services:\n  {server}:\n    networks:\n      default:\n"
                    "        aliases:\n          - {use_name}"
                ),
            ),
            FixPlan(
                "Or have a certificate made that names {host} as well "
                "(subjectAltName = DNS:{host}).",
                interrupts="nothing where the server reloads",
            ),
        ),
        look_alikes=(
            (
                "tls-sni-unrecognized",
                "there the server has others, and sends its default",
            ),
            ("tls-ip-mismatch", "there an address is dialled"),
            ("dns-search-hijack", "there the name led to another server altogether"),
        ),
        verify=(_VERIFY,),
        references=("RFC 9525, section 6.3: names in subjectAltName only",),
    ),
    Cause(
        id="tls-ip-mismatch",
        group=GROUP,
        title="the certificate of {server} is not for the address {host}",
        explanation=(
            "{client} dials an address. The certificate is for {whom}; an address must "
            "be named in it as such to be accepted."
        ),
        decisive="an address was dialled, and no iPAddress in the certificate is it",
        fixes=(
            FixPlan(
                "Dial it by its name, {use_name}.",
                when="use_name",
            ),
            FixPlan(
                "Or have a certificate made that names the address "
                "(subjectAltName = IP:{host}); it is then bound to that address.",
                interrupts="nothing where the server reloads",
            ),
        ),
        look_alikes=(("tls-hostname-mismatch", "there a name is dialled"),),
        references=("RFC 9525, section 6.5",),
    ),
)
