const assert = require("node:assert");
const { test } = require("node:test");
const request = require("supertest");
const app = require("../lib/app");

test("what is put is there", async () => {
  await request(app).put("/shoes/oxford").send({ sizes: { 44: 2 } }).expect(204);
  const found = await request(app).get("/shoes/oxford").expect(200);
  assert.deepStrictEqual(found.body, { sizes: { 44: 2 } });
});

test("what is not there is not found", async () => {
  await request(app).get("/shoes/loafer").expect(404);
});

test("there is a round", async () => {
  const found = await request(app).get("/round").expect(200);
  assert.strictEqual(typeof found.body.round, "number");
});
