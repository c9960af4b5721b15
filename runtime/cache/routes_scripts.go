package cache

// A user's routes are one string: a line with the milliseconds of when the user was last seen, then a line for each device with
// its id, its gateway's instance, its epoch and the milliseconds of its last renewal, apart by tabs.
//
//nolint:dupword // Lua ends one block after another
const routeScripts = `
local function parse(old)
  local seen, routes = 0, {}
  for line in string.gmatch(old or '', '[^\n]+') do
    local d, i, e, at = string.match(line, '^([^\t]+)\t([^\t]+)\t(%d+)\t(%d+)$')
    if d then
      table.insert(routes, {device = d, instance = i, epoch = tonumber(e), at = tonumber(at)})
    else
      seen = tonumber(line) or 0
    end
  end
  return seen, routes
end
local function whole(n) return string.format('%.0f', n) end
local function save(key, seen, routes, ttl)
  local lines = {whole(seen)}
  for _, r in ipairs(routes) do
    table.insert(lines, table.concat({r.device, r.instance, whole(r.epoch), whole(r.at)}, '\t'))
  end
  redis.call('SET', key, table.concat(lines, '\n'), 'PX', ttl)
end
`

// putRoutesScript registers one route for each key. ARGV: the expiry, now and the staleness in milliseconds, the instance, then
// device, epoch and 1 for a new connection. It answers epoch and holder for each.
//
//nolint:dupword // Lua ends one block after another
const putRoutesScript = routeScripts + `
local now, instance, answer = tonumber(ARGV[2]), ARGV[4], {}
local time = redis.call('TIME')
local wrong = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000) - now
if math.abs(wrong) < 1000 then wrong = 0 end -- the call's way is in it
for k, key in ipairs(KEYS) do
  local device, epoch, new = ARGV[2+3*k], tonumber(ARGV[3+3*k]), ARGV[4+3*k] == '1'
  if new then epoch = epoch + wrong * 1000 end
  local seen, routes = parse(redis.call('GET', key))
  local keep, holder, lost = {}, '', false
  for _, r in ipairs(routes) do
    if r.device == device then
      if r.instance ~= instance then
        holder = r.instance
        lost = r.epoch > epoch
        if new and r.epoch == epoch then epoch = epoch + 1 end
      else
        epoch = math.max(epoch, r.epoch)
      end
    elseif r.at + tonumber(ARGV[3]) < now then
      seen = math.max(seen, r.at)
    else
      table.insert(keep, r)
    end
  end
  if lost then
    table.insert(answer, '0')
  else
    table.insert(keep, {device = device, instance = instance, epoch = epoch, at = now})
    save(key, seen, keep, ARGV[1])
    table.insert(answer, whole(epoch))
  end
  table.insert(answer, holder)
end
return answer
`

// dropRoutesScript removes one route for each key unless another connection holds the device. ARGV: the expiry and now in
// milliseconds, the instance, then device and epoch.
//
//nolint:dupword // Lua ends one block after another
const dropRoutesScript = routeScripts + `
for k, key in ipairs(KEYS) do
  local device, epoch = ARGV[2+2*k], tonumber(ARGV[3+2*k])
  local old = redis.call('GET', key)
  if old then
    local seen, routes = parse(old)
    local keep = {}
    for _, r in ipairs(routes) do
      if r.device == device and r.instance == ARGV[3] and r.epoch <= epoch then
        seen = math.max(seen, tonumber(ARGV[2]))
      else
        table.insert(keep, r)
      end
    end
    save(key, seen, keep, ARGV[1])
  end
end
return 0
`
