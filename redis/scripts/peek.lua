-- KEYS lease
local lease, ok = lease_read(KEYS[1])
if not ok then return lease end
if not lease then return {'NOTFOUND'} end
return lease_answer('OK', KEYS[1], lease, false)
