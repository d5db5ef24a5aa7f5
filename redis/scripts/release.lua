-- KEYS lease  ARGV host generation
local lease, ok = lease_read(KEYS[1])
if not ok then return lease end
if not lease then return {'NOTFOUND'} end
if not lease_is(lease, ARGV[1], ARGV[2]) then
	return lease_answer('CONFLICT', KEYS[1], lease, false)
end
local answer = lease_answer('OK', KEYS[1], lease, false)
redis.call('DEL', KEYS[1])
return answer
