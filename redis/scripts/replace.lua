-- KEYS lease shard  ARGV epoch digest host generation new_host ttl_msecs
local epoch, digest = ARGV[1], ARGV[2]
local shard, ok = shard_read(KEYS[2])
if not ok then return shard end
local refusal = shard_refuses(shard, epoch, digest)
if refusal then return refusal end
local lease
lease, ok = lease_read(KEYS[1])
if not ok then return lease end
if not lease then return {'NOTFOUND'} end
if not lease_is(lease, ARGV[3], ARGV[4]) then
	return lease_answer('CONFLICT', KEYS[1], lease, false)
end
shard_raise(KEYS[2], shard, epoch, digest)
lease = {host = ARGV[5], epoch = epoch,
	generation = decimal(next_generation(KEYS[2], shard,
		tonumber(lease.generation) + 1))}
lease_write(KEYS[1], lease.host, lease.generation, epoch, ARGV[6])
return lease_answer('OK', KEYS[1], lease, true)
