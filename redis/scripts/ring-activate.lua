-- KEYS state active prepared nodes  ARGV epoch digest
local FORGET_MSECS = 7 * 24 * 3600 * 1000
local state, ok = state_read(KEYS[1])
if not ok then return state end
local epoch, digest = ARGV[1], ARGV[2]
if claim_is(state.active, epoch, digest) then
	return publish_answer('OK', KEYS[1])
end
if not claim_is(state.prepared, epoch, digest) then
	local status = 'NOTFOUND'
	if state.prepared.epoch == epoch or state.active.epoch == epoch then
		status = 'SPLIT'
	elseif number(state.active.epoch) > number(epoch) then
		status = 'OLDER'
	elseif not is_none(state.prepared) then
		status = 'CONFLICT'
	end
	return publish_answer(status, KEYS[1], '',
		'it is not the prepared record')
end
local found
found, ok = mark(KEYS[3])
if not ok then return found end
if found ~= state.prepared.mark then
	return broken('the prepared record was altered: publish it again')
end
local nodes
nodes, ok = read('HGETALL', KEYS[4])
if not ok then return nodes end
local now, missing, gone = now_msecs(), {}, {}
for i = 1, #nodes, 2 do
	local node = node_parse(nodes[i + 1])
	if not node or math.abs(now - tonumber(node.beat)) > FORGET_MSECS then
		gone[#gone + 1] = nodes[i]
	elseif node_is_alive(node, now) and
	       not claim_is(node.active, epoch, digest) and
	       not claim_is(node.prepared, epoch, digest) then
		missing[#missing + 1] = nodes[i]
	end
end
if #missing > 0 then
	table.sort(missing)
	return publish_answer('OK', KEYS[1], table.concat(missing, ' '))
end
record_write(KEYS[1], 'active', KEYS[2], epoch, digest,
	redis.call('GET', KEYS[3]))
prepared_forget(KEYS[1], KEYS[3])
for _, name in ipairs(gone) do
	redis.call('HDEL', KEYS[4], name)
end
return publish_answer('OK', KEYS[1])
