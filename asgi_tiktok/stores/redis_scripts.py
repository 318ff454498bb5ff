"""What Redis does by itself, in Lua: each script is one step on one key.

A record is one string: 8 bytes that are new with every write, 16 that stand for the owner, then the value.
An owner's records are listed in a sorted set, one entry for each write and scored by its end. The entry is
made before the write and removed after the record it announced is gone; an entry without its record means
nothing. Redis alone measures time.
"""

NONCE = 8  # bytes
HEADER = 24  # bytes: nonce and owner
GRACE = 60  # seconds that an entry outlives its record

ENTER = f"""
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - {GRACE} * 1000000)
redis.call('ZADD', KEYS[1], now + ARGV[2] * 1000000, ARGV[1])
local lasts = ARGV[2] + {GRACE}
if redis.call('TTL', KEYS[1]) < lasts then redis.call('EXPIRE', KEYS[1], lasts) end
"""
SET = f"""
local before = redis.call('GETRANGE', KEYS[1], 0, {HEADER - 1})
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
return before
"""
# A record with the nonce of this very write was put there by an earlier attempt whose answer was lost.
ADD = f"""
if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'EX', ARGV[2]) then return 1 end
return redis.call('GETRANGE', KEYS[1], 0, {NONCE - 1}) == string.sub(ARGV[1], 1, {NONCE})
"""
REPLACE = f"""
local before = redis.call('GET', KEYS[1])
if not before or #before < {HEADER} then return false end
if before ~= ARGV[1] then
    if string.sub(before, {HEADER + 1}) ~= ARGV[3] then return false end
    redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
end
return string.sub(before, 1, {HEADER})
"""
DELETE = f"""
local before = redis.call('GET', KEYS[1])
if not before or (ARGV[1] and string.sub(before, {HEADER + 1}) ~= ARGV[1]) then return false end
redis.call('UNLINK', KEYS[1])
return string.sub(before, 1, {HEADER})
"""
DELETE_OWNED = f"""
local header = redis.call('GETRANGE', KEYS[1], 0, {HEADER - 1})
if string.sub(header, {NONCE + 1}) ~= ARGV[1] then return false end
redis.call('UNLINK', KEYS[1])
return header
"""
