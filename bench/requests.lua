-- For wrk: sends the requests of a file, one on each line, again and again, and prints what came of it as JSON.
local requests, last = {}, 0

function init(arguments)
   for line in io.lines(arguments[1]) do
      local method, path, body = line:match("^(%S+) (%S+) ?(.*)$")
      if body == "" then
         requests[#requests + 1] = wrk.format(method, path)
      else
         requests[#requests + 1] = wrk.format(method, path, {["Content-Type"] = "application/json"}, body)
      end
   end
   last = tonumber(arguments[2])
end

function request()
   last = last % #requests + 1
   return requests[last]
end

function done(summary, latency)
   local failed = summary.errors
   print(string.format(
      'RESULT {"answers": %d, "seconds": %f, "refused": %d, "lost": %d, "p99": %f}',
      summary.requests, summary.duration / 1e6, failed.status,
      failed.connect + failed.read + failed.write + failed.timeout, latency:percentile(99) / 1e6))
end
