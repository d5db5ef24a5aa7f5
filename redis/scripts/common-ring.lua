-- Put before each script of the ring, after common.lua.

local ZEROS = string.rep('0', 64)
local TEXT_MAX = 4 * 1024 * 1024
local SAMPLE = 32 * 1024

-- Changes when the text does, at a cost that does not grow with its size: of a
-- long text both ends (epoch, signature) and the length count. '' = no text.
local function mark(key)
	local size, ok = read('STRLEN', key)
	if not ok then return size, false end
	if size == 0 then return '', true end
	if size <= 2 * SAMPLE then
		return redis.sha1hex(redis.call('GET', key)), true
	end
	return redis.sha1hex(decimal(size) ..
		redis.call('GETRANGE', key, 0, SAMPLE - 1) ..
		redis.call('GETRANGE', key, -SAMPLE, -1)), true
end

local function is_digest(text)
	return type(text) == 'string' and string.find(text, '^%x+$') and
		#text == 64
end

-- What the state says of one record: epoch (text; '0' = none), digest, mark.
local function claim_of(epoch, digest, written)
	if not epoch and not digest then
		return {epoch = '0', digest = ZEROS, mark = ''}
	end
	if not number(epoch) or not is_digest(digest) then return nil end
	return {epoch = epoch, digest = digest, mark = written or ''}
end

-- Both claims, or an answer and false.
local function state_read(key)
	local value, ok = read('HMGET', key, 'active_epoch', 'active_digest',
		'active_mark', 'prepared_epoch', 'prepared_digest',
		'prepared_mark')
	if not ok then return value, false end
	local state = {active = claim_of(value[1], value[2], value[3]),
		prepared = claim_of(value[4], value[5], value[6])}
	if not state.active or not state.prepared then
		return broken('unreadable ring state'), false
	end
	return state, true
end

local function is_none(claim)
	return claim.epoch == '0'
end

local function claim_is(claim, epoch, digest)
	return claim.epoch == epoch and claim.digest == digest
end

-- What a heartbeat tells: the claim, as long as the text is the one that was
-- published; else the text's own mark, so that each alteration shows.
local function claim_shown(claim, key)
	local found, ok = mark(key)
	if not ok then
		return {epoch = claim.epoch, digest = string.rep('f', 64)}
	end
	if found == claim.mark then return claim end
	return {epoch = claim.epoch, digest = found == '' and
		string.rep('e', 64) or found .. string.rep('0', 24)}
end

-- Puts the text and its claim down under prefix 'active' or 'prepared'.
local function record_write(state_key, prefix, key, epoch, digest, text)
	redis.call('SET', key, text)
	redis.call('HSET', state_key, prefix .. '_epoch', epoch,
		prefix .. '_digest', digest, prefix .. '_mark', (mark(key)))
end

local function prepared_forget(state_key, key)
	redis.call('DEL', key)
	redis.call('HDEL', state_key, 'prepared_epoch', 'prepared_digest',
		'prepared_mark')
end

local function publish_answer(status, state_key, missing, why)
	local state, ok = state_read(state_key)
	if not ok then return state end
	return {status, state.active.epoch, state.prepared.epoch,
		missing or '', why or ''}
end

-- One node's last heartbeat, nil if it is unreadable.
local function node_parse(value)
	local boot, beat, lease, ae, ad, pe, pd, complaint = string.match(value,
		'^(%S+) (%d+) (%d+) (%d+) (%x+) (%d+) (%x+) (.*)$')
	if not boot or not number(beat) or not number(lease) or
	   not number(ae) or not number(pe) or not is_digest(ad) or
	   not is_digest(pd) then
		return nil
	end
	return {boot = boot, beat = beat, lease = lease,
		active = {epoch = ae, digest = ad},
		prepared = {epoch = pe, digest = pd}, complaint = complaint}
end

local function node_print(node)
	return table.concat({node.boot, node.beat, node.lease,
		node.active.epoch, node.active.digest, node.prepared.epoch,
		node.prepared.digest, node.complaint}, ' ')
end

-- One that has beaten in a future is of before a failover, by another clock: if
-- it lives, it beats again within a second.
local function node_is_alive(node, now)
	return tonumber(node.lease) > 0 and
		math.abs(now - tonumber(node.beat)) <= tonumber(node.lease)
end
