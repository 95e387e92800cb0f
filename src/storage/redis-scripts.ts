/**
 * The steps that must happen to the cache as one, as Lua: Redis runs a script to its end before anything else.
 * Every script is given its keys by name, all with one hash tag, so that a cluster has them on one node.
 * A script that fails midway is not taken back: the position comes last, so that what stands before it is written again.
 */

/** Whatever else somebody put under one of our names is dropped. */
const TEXT = `
local function text(key)
  local kind = redis.call('TYPE', key).ok
  if kind == 'string' then return redis.call('GET', key) end
  if kind ~= 'none' then redis.call('DEL', key) end
  return false
end`;

/** KEYS writer, position · ARGV our claim, ms → 1 and the position, or 0 and who writes. */
export const CLAIM = `${TEXT}
local holder = text(KEYS[1])
if holder and holder ~= ARGV[1] then return {0, holder} end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return {1, text(KEYS[2])}`;

/** KEYS writer · ARGV our claim. */
export const RELEASE = `if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0`;

/**
 * KEYS writer, position, changes, then one for each value.
 * ARGV our claim, ms, position as it must be, position to be ("": as it was), greatest length of the feed,
 *      number of feed entries, then for each its id, number of fields and values, and the fields;
 *      then for each key its value ("": delete it) and its time to live in seconds ("0": none).
 * → "ok", or why nothing was written: "held" by another writer, "moved".
 * The claim is written first: it is what a full server refuses.
 */
export const WRITE = `${TEXT}
local holder = text(KEYS[1])
if holder and holder ~= ARGV[1] then return 'held' end
if (text(KEYS[2]) or '') ~= ARGV[3] then return 'moved' end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
local at = 7
for i = 1, tonumber(ARGV[6]) do
  local fields = {}
  for j = 1, tonumber(ARGV[at + 1]) do fields[j] = ARGV[at + 1 + j] end
  local function add() return redis.pcall('XADD', KEYS[3], 'MAXLEN', '~', ARGV[5], ARGV[at], unpack(fields)) end
  local added = add()
  if type(added) == 'table' and added.err then
    redis.call('DEL', KEYS[3])
    add()
  end
  at = at + 2 + #fields
end
for i = 4, #KEYS do
  local value, ttl = ARGV[at], ARGV[at + 1]
  if value == '' then redis.call('DEL', KEYS[i])
  elseif ttl == '0' then redis.call('SET', KEYS[i], value)
  else redis.call('SET', KEYS[i], value, 'EX', ttl) end
  at = at + 2
end
if ARGV[4] ~= '' then redis.call('SET', KEYS[2], ARGV[4]) end
return 'ok'`;
