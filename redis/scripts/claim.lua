-- KEYS lease shard  ARGV epoch digest host ttl_msecs
local epoch, digest, host, ttl = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local shard, ok = shard_read(KEYS[2])
if not ok then return shard end
local refusal = shard_refuses(shard, epoch, digest)
if refusal then return refusal end
local lease
lease, ok = lease_read(KEYS[1])
if not ok then return lease end
shard_raise(KEYS[2], shard, epoch, digest)
if lease then
	-- no rewriting: EXPIRE works at OOM, SET does not
	lease_renew(KEYS[1], ttl)
	return lease_answer('OK', KEYS[1], lease, false)
end
lease = {host = host, epoch = epoch,
	generation = decimal(next_generation(KEYS[2], shard, 0))}
lease_write(KEYS[1], host, lease.generation, epoch, ttl)
return lease_answer('OK', KEYS[1], lease, true)
