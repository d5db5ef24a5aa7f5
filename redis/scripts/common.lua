-- Put before each script. Answers are arrays of strings, the status first.
-- Whatever stands in a key is checked before it is used: a key of another
-- type or an unreadable value is answered BROKEN, not raised as an error.

-- Largest integer that a double keeps exact; epochs and generations end there.
local MAX = 9007199254740991

-- A decimal of 1 to 20 digits, else nil; of 2^53 and more only the size counts.
local function number(text)
	if type(text) ~= 'string' or #text > 20 or
	   not string.find(text, '^%d+$') then
		return nil
	end
	return tonumber(text)
end

local function decimal(value)
	return string.format('%.0f', value)
end

local function now_msecs()
	local time = redis.call('TIME')
	return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end

local function broken(what)
	return {'BROKEN', what}
end

-- A read: value and true, or what to answer instead and false. nil and true if
-- there is nothing.
local function read(...)
	local value = redis.pcall(...)
	if type(value) == 'table' and value.err then
		if string.find(value.err, 'WRONGTYPE', 1, true) then
			return broken('a key of the wrong type'), false
		end
		return value, false
	end
	return value or nil, true
end

-- The shard as a table, or an answer and false.
local function shard_read(key)
	local value, ok = read('HMGET', key, 'epoch', 'digest', 'generation')
	if not ok then
		return value, false
	end
	local shard = {epoch = number(value[1] or '0'), text = value[1] or '0',
		digest = value[2] or '', generation = number(value[3] or '0')}
	if not shard.epoch or not shard.generation or
	   shard.generation >= MAX then
		return broken('unreadable shard'), false
	end
	return shard, true
end

-- May a caller with this ring act on the shard? nil, or why not.
local function shard_refuses(shard, epoch, digest)
	local caller = tonumber(epoch)
	if shard.epoch > caller then
		return {'OLDER', shard.text}
	elseif shard.epoch == caller and shard.digest ~= digest then
		return {'SPLIT', shard.text}
	end
	return nil
end

-- Raise the shard to the caller's ring, where it is behind. The first write
-- of a script: at OOM it fails and nothing has been done.
local function shard_raise(key, shard, epoch, digest)
	if shard.epoch < tonumber(epoch) then
		redis.call('HSET', key, 'epoch', epoch, 'digest', digest)
	end
end

-- The next generation of the shard, written down. No less than the time, so
-- that it does not fall when the counter was lost.
local function next_generation(key, shard, floor)
	local generation = math.max(shard.generation + 1, floor, now_msecs())
	redis.call('HSET', key, 'generation', decimal(generation))
	return generation
end

-- The lease as a table; nil and true if there is none; an answer and false.
local function lease_read(key)
	local value, ok = read('GET', key)
	if not ok or value == nil then
		return value, ok
	end
	local host, generation, epoch =
		string.match(value, '^([%w._-]+) (%d+) (%d+)$')
	if not host or #host > 63 or not number(generation) or
	   not number(epoch) or tonumber(generation) >= MAX then
		return broken('unreadable lease'), false
	end
	return {host = host, generation = generation, epoch = epoch}, true
end

-- A lease with no end has none written by us: it keeps having none.
local function lease_renew(key, ttl)
	if redis.call('PTTL', key) >= 0 then
		redis.call('PEXPIRE', key, ttl)
	end
end

local function lease_write(key, host, generation, epoch, ttl)
	redis.call('SET', key, host .. ' ' .. generation .. ' ' .. epoch,
		'PX', ttl)
end

local function lease_answer(status, key, lease, is_new)
	local left = redis.call('PTTL', key)
	if left == 0 then
		left = 1
	elseif left < 0 then
		left = 0
	end
	return {status, lease.host, lease.generation, lease.epoch,
		decimal(left), is_new and '1' or '0'}
end

local function lease_is(lease, host, generation)
	return lease.host == host and lease.generation == generation
end
