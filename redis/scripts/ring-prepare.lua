-- KEYS state active prepared
-- ARGV expected_epoch expected_digest epoch digest text
local state, ok = state_read(KEYS[1])
if not ok then return state end
local epoch, digest, text = ARGV[3], ARGV[4], ARGV[5]
-- Published before, and the reply was lost; or its text was altered since.
if claim_is(state.active, epoch, digest) then
	record_write(KEYS[1], 'active', KEYS[2], epoch, digest, text)
	return publish_answer('OK', KEYS[1])
end
if claim_is(state.prepared, epoch, digest) then
	record_write(KEYS[1], 'prepared', KEYS[3], epoch, digest, text)
	return publish_answer('OK', KEYS[1])
end
if not is_none(state.prepared) then
	return publish_answer('CONFLICT', KEYS[1], '',
		'another record is prepared')
end
local is_expected = claim_is(state.active, ARGV[1], ARGV[2])
if is_none(state.active) then
	-- a text whose state is gone: the caller has read it, we can not
	local size
	size, ok = read('STRLEN', KEYS[2])
	is_expected = ARGV[1] == '0' or not ok or size > 0
end
if not is_expected then
	return publish_answer('CONFLICT', KEYS[1], '',
		'the active record is not the expected one')
end
record_write(KEYS[1], 'prepared', KEYS[3], epoch, digest, text)
return publish_answer('OK', KEYS[1])
