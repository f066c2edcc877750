// Loaded into the server and its router before anything else: their clock is ahead by what the harness says, so that a
// segment is an hour old without anybody waiting for an hour.
const aheadMs = Number(process.env.CLOCK_AHEAD_MS);
const { now } = Date;
Date.now = () => now() + aheadMs;
