'use strict';

const { application } = require('./application.js');

application(process.env.REDIS_URL).listen(8000, '127.0.0.1');
