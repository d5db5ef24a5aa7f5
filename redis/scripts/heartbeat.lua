-- KEYS nodes state active prepared
-- ARGV node boot_id lease_msecs active_epoch active_digest
--      prepared_epoch prepared_digest complaint
local state, ok = state_read(KEYS[2])
if not ok then return state end
local info
info, ok = read('INFO', 'replication')
if not ok then return info end
local kind = redis.call('TYPE', KEYS[1]).ok
if kind ~= 'none' and kind ~= 'hash' then
	return broken('nodes: not a hash')
end
local before = redis.call('HGET', KEYS[1], ARGV[1])
local boot = before and string.match(before, '^(%S+) ')
redis.call('HSET', KEYS[1], ARGV[1], node_print({boot = ARGV[2],
	beat = decimal(now_msecs()), lease = ARGV[3],
	active = {epoch = ARGV[4], digest = ARGV[5]},
	prepared = {epoch = ARGV[6], digest = ARGV[7]}, complaint = ARGV[8]}))
local active = claim_shown(state.active, KEYS[3])
local prepared = claim_shown(state.prepared, KEYS[4])
return {'OK', string.match(info, 'master_replid:(%w+)') or '',
	string.match(info, 'connected_slaves:(%d+)') or '',
	active.epoch, active.digest, prepared.epoch, prepared.digest,
	(boot and boot ~= ARGV[2]) and '1' or '0'}
