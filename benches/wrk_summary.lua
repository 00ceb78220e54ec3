-- One machine-readable line at the end of a wrk run. No request or response hook is
-- defined, so wrk keeps its fast path.
function done(summary, latency, requests)
   local errors = summary.errors
   io.write(string.format("summary %d %d %d\n", summary.requests, summary.duration,
      errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
