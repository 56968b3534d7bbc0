'use strict';

const assert = require('node:assert');
const http = require('node:http');
const { after, before, test } = require('node:test');
const { connect } = require('@example/redis');
const { application } = require('../src/application.js');

const server = application(process.env.REDIS_URL);
before(async () => {
  const redis = connect(process.env.REDIS_URL);
  await redis.command('FLUSHALL');
  redis.close();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
});
after(() => server.close());

function ask(method, path) {
  return new Promise((resolve, reject) => {
    const options = { method, path, port: server.address().port, agent: false };
    http.request(options, async (response) => {
      let text = '';
      for await (const bytes of response) text += bytes;
      resolve([response.statusCode, text]);
    }).on('error', reject).end();
  });
}

test('visits are counted page by page', async () => {
  assert.deepStrictEqual(await ask('POST', '/visits/home'), [200, '1']);
  assert.deepStrictEqual(await ask('POST', '/visits/home'), [200, '2']);
  assert.deepStrictEqual(await ask('POST', '/visits/about'), [200, '1']);
});

test('looking does not count', async () => {
  assert.deepStrictEqual(await ask('GET', '/visits/nowhere'), [200, '0']);
  assert.deepStrictEqual(await ask('GET', '/visits/nowhere'), [200, '0']);
});

test('what is not there is not found', async () => {
  assert.deepStrictEqual(await ask('GET', '/nothing'), [404, 'nothing here']);
});
