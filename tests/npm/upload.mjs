// Uploads a file with tus-js-client: node upload.mjs '{"endpoint", "token", "file", ...}'.
//
// Prints one JSON line for each thing that happens: {"url"}, {"offset"}, and at last {"videoId"} or
// {"error"}. With "pauseAt" it stops there, and goes on when a line comes in.
import fs from "node:fs";
import { once } from "node:events";
import * as tus from "tus-js-client";

const asked = JSON.parse(process.argv[2]);
const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
let videoId = null;
let isPaused = false;

const upload = new tus.Upload(fs.createReadStream(asked.file), {
  endpoint: asked.endpoint,
  headers: { Authorization: `Bearer ${asked.token}` },
  chunkSize: asked.chunkSize,
  uploadSize: fs.statSync(asked.file).size,
  metadata: asked.metadata,
  uploadDataDuringCreation: asked.duringCreation ?? false,
  overridePatchMethod: asked.overrideMethod ?? false,
  retryDelays: Array(240).fill(250),
  onUploadUrlAvailable: () => say({ url: upload.url }),
  onAfterResponse: (_request, response) => {
    videoId = response.getHeader("X-Video-Id") ?? videoId;
  },
  onChunkComplete: async (_size, offset) => {
    say({ offset });
    if (!isPaused && asked.pauseAt && offset >= asked.pauseAt) {
      isPaused = true;
      await upload.abort(asked.giveUp ?? false);
      say({ paused: offset });
      await once(process.stdin, "data");
      process.stdin.pause();
      if (!asked.giveUp) upload.start();
    }
  },
  onError: (error) => say({ error: String(error) }),
  onSuccess: () => say({ videoId }),
});
upload.start();
