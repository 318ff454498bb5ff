"""The Lua scripts that Redis runs. Each script changes one key, in one atomic step.

A record is one string: 8 random bytes that are new for each write (the nonce), 16 bytes that are the hash of its
owner, then the value.

Each owner has a sorted set with one entry per write. The score of an entry is the time at which its record expires.
The entry is added before the record is written, and removed after the record is deleted or replaced. So every record
of an owner has an entry, and an entry without a record is ignored. All times are measured by Redis.

A script that deletes or replaces a record with an owner also publishes its key. It gets the prefix of the
channel as an argument, without which nothing is published.
"""

NONCE = 8  # bytes
HEADER = 24  # bytes of the nonce and the owner's hash
ENTRY_GRACE = 60  # seconds that an entry is kept after its record has expired
NO_OWNER = bytes(HEADER - NONCE)

# A user without the right to publish must be able to end sessions, so an error of PUBLISH is ignored.
NOTIFY = f"""
local function notify(header, prefix)
    local owner = string.sub(header, {NONCE + 1})
    if prefix and #header == {HEADER} and owner ~= string.rep('\\0', {HEADER - NONCE}) then
        redis.pcall('PUBLISH', prefix .. 'notices', string.sub(KEYS[1], #prefix + #'record:' + 1))
    end
end
"""
# A replica refuses UNLINK, so an echo comes from a server that accepts writes.
#
# A replica passes on what its primary publishes, but not what was published before it had copied the data. Therefore
# an echo is published only if a first message, which is no echo, has a receiver on this server. In a Cluster, where
# all nodes pass all messages on, a third argument omits this check.
ECHO = """
redis.call('UNLINK', KEYS[1])
local heard = ARGV[3] or redis.call('PUBLISH', ARGV[1], 0) > 0
if heard then redis.call('PUBLISH', ARGV[1], ARGV[2]) end
return heard and 1
"""

ADD_ENTRY = f"""
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - {ENTRY_GRACE} * 1000000)
redis.call('ZADD', KEYS[1], now + ARGV[2] * 1000000, ARGV[1])
local lasts = ARGV[2] + {ENTRY_GRACE}
if redis.call('TTL', KEYS[1]) < lasts then redis.call('EXPIRE', KEYS[1], lasts) end
"""
SET = f"""{NOTIFY}
local before = redis.call('GETRANGE', KEYS[1], 0, {HEADER - 1})
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
notify(before, ARGV[3])
return before
"""
# A record that already has this nonce was written by the first attempt, whose reply was lost.
ADD = f"""
if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'EX', ARGV[2]) then return 1 end
return redis.call('GETRANGE', KEYS[1], 0, {NONCE - 1}) == string.sub(ARGV[1], 1, {NONCE})
"""
REPLACE = f"""{NOTIFY}
local before = redis.call('GET', KEYS[1])
if not before or #before < {HEADER} then return false end
local header = string.sub(before, 1, {HEADER})
if before ~= ARGV[1] then
    if string.sub(before, {HEADER + 1}) ~= ARGV[3] then return false end
    redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
    notify(header, ARGV[4])
end
return header
"""
DELETE = f"""{NOTIFY}
local before = redis.call('GET', KEYS[1])
if not before or (ARGV[2] and string.sub(before, {HEADER + 1}) ~= ARGV[2]) then return false end
local header = string.sub(before, 1, {HEADER})
redis.call('UNLINK', KEYS[1])
notify(header, ARGV[1])
return header
"""
DELETE_OWNED = f"""{NOTIFY}
local header = redis.call('GETRANGE', KEYS[1], 0, {HEADER - 1})
if string.sub(header, {NONCE + 1}) ~= ARGV[1] then return false end
redis.call('UNLINK', KEYS[1])
notify(header, ARGV[2])
return header
"""
