// A router that delivers nothing: `configFile` says how it behaves, `status` echoes what it was told.
let behaviour;

function echo(heard) {
  process.send({
    type: 'status',
    destinations: [{ destinationId: String(process.pid), state: 'running', reason: JSON.stringify(heard) }],
  });
}

process.on('message', (message) => {
  if (message.type === 'start' || message.type === 'check') {
    behaviour = message.configFile;
    if (behaviour === 'exit') process.exit(3);
    if (behaviour === 'fail') {
      process.send({ type: 'failed', message: 'the config is wrong' }, () => process.exit(1));
      return;
    }
    if (message.type === 'check') {
      process.send({ type: 'checked' }, () => process.exit(0));
      return;
    }
    echo(message.durableEnds);
    process.send({ type: 'ready' });
  }
  if (message.type === 'durable') echo(message.ends);
  if (message.type === 'stop' && behaviour !== 'deaf') process.exit(0);
});
process.on('disconnect', () => process.exit(0));
