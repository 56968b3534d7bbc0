// The package `@example/redis` of the private registry that `examples/web-node` depends on: a client of Redis.
'use strict';

const net = require('node:net');

/** Connects, and returns a function that sends a command and a function that ends the connection. */
exports.connect = (address) => {
  const { hostname, port } = new URL(address);
  const socket = net.connect(Number(port || 6379), hostname);
  const waiting = [];
  let received = Buffer.alloc(0);
  const fail = (error) => { for (const { reject } of waiting.splice(0)) reject(error); };
  socket.on('error', fail);
  socket.on('close', () => fail(new Error('the connection to Redis has ended')));
  socket.on('data', (bytes) => {
    received = Buffer.concat([received, bytes]);
    for (let found = parse(received, 0); found; found = parse(received, 0)) {
      received = received.subarray(found.end);
      const { resolve, reject } = waiting.shift();
      if (found.value instanceof Error) reject(found.value);
      else resolve(found.value);
    }
  });
  const command = (...words) => new Promise((resolve, reject) => {
    waiting.push({ resolve, reject });
    const parts = words.map((word) => `$${Buffer.byteLength(String(word))}\r\n${word}\r\n`);
    socket.write(`*${parts.length}\r\n${parts.join('')}`);
  });
  return { command, close: () => socket.end() };
};

// One answer of the protocol that begins at `from`; undefined while it is not whole.
function parse(bytes, from) {
  const line = bytes.indexOf('\r\n', from);
  if (line < 0) return undefined;
  const head = bytes.toString('utf8', from + 1, line);
  let end = line + 2;
  switch (String.fromCharCode(bytes[from])) {
    case '+': return { value: head, end };
    case '-': return { value: new Error(head), end };
    case ':': return { value: Number(head), end };
    case '$': {
      if (head === '-1') return { value: null, end };
      const last = end + Number(head);
      return last + 2 <= bytes.length ? { value: bytes.toString('utf8', end, last), end: last + 2 } : undefined;
    }
    default: {
      const value = [];
      for (let left = Number(head); left > 0; left -= 1) {
        const found = parse(bytes, end);
        if (!found) return undefined;
        value.push(found.value);
        end = found.end;
      }
      return { value, end };
    }
  }
}
