"""A real Ray cluster of two nodes on this machine, ended with the context."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

from benchmarks.belt import ROOT

_STORE_BYTES = 80 * 2**20


@contextmanager
def ray_cluster() -> Iterator[str]:
    """Two nodes of one core each; gives the address of the head."""
    quiet = {
        "RAY_USAGE_STATS_ENABLED": "0",
        # The nodes' workers import this project from here.
        "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]),
    }
    with patch.dict(os.environ, quiet):
        from ray.cluster_utils import Cluster  # noqa: PLC0415 - after its variables are set

        node = {"num_cpus": 1, "object_store_memory": _STORE_BYTES, "include_dashboard": False}
        cluster = Cluster(initialize_head=True, head_node_args=node)
        try:
            cluster.add_node(num_cpus=1, object_store_memory=_STORE_BYTES)
            yield cluster.address
        finally:
            cluster.shutdown()
