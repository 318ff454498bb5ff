from tests.support.stores import each_store as store
from tests.support.stores import redis_cluster

__all__ = ["redis_cluster", "store"]
