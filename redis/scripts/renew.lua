-- KEYS lease shard  ARGV epoch digest host generation ttl_msecs
local epoch, digest, host, generation, ttl =
	ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local shard, ok = shard_read(KEYS[2])
if not ok then return shard end
local refusal = shard_refuses(shard, epoch, digest)
if refusal then return refusal end
local lease
lease, ok = lease_read(KEYS[1])
if not ok then return lease end
if lease and not lease_is(lease, host, generation) then
	return lease_answer('CONFLICT', KEYS[1], lease, false)
end
shard_raise(KEYS[2], shard, epoch, digest)
if lease then
	lease_renew(KEYS[1], ttl)
	return lease_answer('OK', KEYS[1], lease, false)
end
-- lost: made again as it was, and the counter must not fall behind it
if shard.generation < tonumber(generation) then
	redis.call('HSET', KEYS[2], 'generation', generation)
end
lease = {host = host, generation = generation, epoch = epoch}
lease_write(KEYS[1], host, generation, epoch, ttl)
return lease_answer('OK', KEYS[1], lease, true)
