// A register of shoes over HTTP.
const express = require("express");
const round = require("./round");

const shoes = new Map([["derby", { sizes: { 42: 3, 43: 1 } }]]);
const app = express();
app.use(express.json());
app.get("/round", (_, response) => response.json({ round }));
app.get("/shoes/:name", (request, response) => {
  const found = shoes.get(request.params.name);
  if (found) response.json(found);
  else response.sendStatus(404);
});
app.put("/shoes/:name", (request, response) => {
  shoes.set(request.params.name, request.body);
  response.sendStatus(204);
});

module.exports = app;
