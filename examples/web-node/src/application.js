'use strict';

const http = require('node:http');
const { connect } = require('@example/redis');

/** Makes the server of the application, which counts in the Redis at an address. */
exports.application = (address) => {
  const redis = connect(address);
  const answer = async (method, path) => {
    const page = /^\/visits\/([a-z]+)$/.exec(path);
    if (!page) return [404, 'nothing here'];
    const key = `visits:${page[1]}`;
    switch (method) {
      case 'POST': return [200, await redis.command('INCR', key)];
      case 'GET': return [200, (await redis.command('GET', key)) ?? 0];
      default: return [404, 'nothing here'];
    }
  };
  const server = http.createServer((request, response) => {
    answer(request.method, request.url)
      .catch((error) => [500, error.message])
      .then(([status, text]) => response.writeHead(status).end(`${text}`));
  });
  server.on('close', () => redis.close());
  return server;
};
