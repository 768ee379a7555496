"""``struct tcp_info`` of linux/tcp.h: what the kernel measures of one connection.

The same bytes come by getsockopt(TCP_INFO) and as attribute INET_DIAG_INFO of
sock_diag. Older kernels give fewer of them: what is missing counts as zero.
"""

from __future__ import annotations

import struct

from netwiz.probes.facts.talk import TcpInfo

TCP_INFO_SIZE = 256
"""More than any kernel's; getsockopt gives what it has."""

# state, ca_state, retransmits, probes, backoff, options, two bytes of bit fields; then
# rto, ato, snd_mss, rcv_mss, unacked, sacked, lost, retrans, fackets,
# last_data_sent, last_ack_sent, last_data_recv, last_ack_recv, pmtu, rcv_ssthresh,
# rtt, rttvar, snd_ssthresh, snd_cwnd, advmss, reordering, rcv_rtt, rcv_space,
# total_retrans; pacing_rate, max_pacing_rate, bytes_acked, bytes_received.
_FIELDS = struct.Struct("=8B24I4Q")


def tcp_info(data: bytes) -> TcpInfo:
    """The part of it that a diagnosis cares about. Times are ms, rtt comes in us."""
    whole = data[: _FIELDS.size].ljust(_FIELDS.size, b"\0")
    values = _FIELDS.unpack(whole)
    words = values[8:32]
    return TcpInfo(
        retransmitting=values[2],
        mss=words[2],
        unacked=words[4],
        sent_ago_ms=words[9],
        received_ago_ms=words[11],
        heard_ago_ms=words[12],
        path_mtu=words[13],
        rtt_ms=words[15] / 1000,
        total_retransmits=words[23],
        acked=values[34],
        received=values[35],
    )
