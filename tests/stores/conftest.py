from tests.support.stores import each_store as store
from tests.support.stores import patient_stores, redis_cluster

__all__ = ["patient_stores", "redis_cluster", "store"]
