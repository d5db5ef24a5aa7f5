-- KEYS nodes
local nodes, ok = read('HGETALL', KEYS[1])
if not ok then return nodes end
local now = now_msecs()
local answer = {'OK'}
local function add(...)
	for _, text in ipairs({...}) do
		answer[#answer + 1] = text
	end
end
for i = 1, #nodes, 2 do
	local node = node_parse(nodes[i + 1])
	if node then
		add(nodes[i], node.boot, decimal(math.max(0,
			now - tonumber(node.beat))),
			node_is_alive(node, now) and '1' or '0',
			node.active.epoch, node.active.digest,
			node.prepared.epoch, node.prepared.digest,
			node.complaint)
	else
		add(nodes[i], '-', '0', '0', '0', ZEROS, '0', ZEROS,
			'its heartbeat in the store is unreadable')
	end
end
return answer
