"""All small worlds, of every area, in one table."""

from __future__ import annotations

from tests.wizard import (
    judge_table,
    table_load,
    table_lost,
    table_names,
    table_outside,
    table_overlay,
    table_platform,
    table_routing,
    table_talk,
    table_tls,
    table_unreachable,
)

TABLE = {
    **judge_table.TABLE,
    **table_lost.TABLE,
    **table_unreachable.TABLE,
    **table_routing.TABLE,
    **table_names.TABLE,
    **table_tls.TABLE,
    **table_talk.TABLE,
    **table_load.TABLE,
    **table_overlay.TABLE,
    **table_outside.TABLE,
    **table_platform.TABLE,
}
