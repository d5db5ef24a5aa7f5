-- KEYS nodes state  ARGV node boot_id
local value, ok = read('HGET', KEYS[1], ARGV[1])
if not ok then return value end
local node = value and node_parse(value)
if not node then return publish_answer('NOTFOUND', KEYS[2]) end
if node.boot ~= ARGV[2] then
	return publish_answer('CONFLICT', KEYS[2], '',
		'it has been started again')
end
node.lease = '0'
redis.call('HSET', KEYS[1], ARGV[1], node_print(node))
return publish_answer('OK', KEYS[2])
