// A router that delivers nothing: `configFile` says how it behaves, `status` echoes what it was told.
let behaviour;
let startedAt;

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
    startedAt = message.starts[0];
    echo(message.durableEnds);
    process.send({ type: 'needs', needs: { hook: { 0: 3 } } });
    process.send({ type: 'ready' });
  }
  if (message.type === 'durable') echo(message.ends);
  if (message.type === 'starts') echo({ starts: message.starts });
  if (message.type === 'release' && message.before !== 666) {
    const { id, drop, before } = message;
    const needed = before === 0 ? startedAt : 3;
    process.send({ type: 'released', id, before: drop ? before : needed });
  }
  if (message.type === 'changeDead' && message.action === 'drop') {
    process.send({ type: 'changed', id: message.id, change: { count: message.selection.places.length } });
  }
  if (message.type === 'stop' && behaviour !== 'deaf') process.exit(0);
});
process.on('disconnect', () => process.exit(0));
