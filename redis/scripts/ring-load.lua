-- KEYS active prepared
local answer = {'OK'}
for i, key in ipairs(KEYS) do
	local size, ok = read('STRLEN', key)
	if not ok then return size end
	if size > TEXT_MAX then
		return broken('a record of ' .. decimal(size) .. ' bytes')
	end
	answer[i + 1] = redis.call('GET', key) or ''
end
return answer
