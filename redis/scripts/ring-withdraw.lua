-- KEYS state prepared  ARGV epoch digest
local state, ok = state_read(KEYS[1])
if not ok then return state end
if claim_is(state.active, ARGV[1], ARGV[2]) then
	return publish_answer('CONFLICT', KEYS[1], '', 'it is active')
end
if claim_is(state.prepared, ARGV[1], ARGV[2]) then
	prepared_forget(KEYS[1], KEYS[2])
elseif not is_none(state.prepared) then
	return publish_answer('CONFLICT', KEYS[1], '',
		'another record is prepared')
end
return publish_answer('OK', KEYS[1])
