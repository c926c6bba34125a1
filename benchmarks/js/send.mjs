// The AWS SDK for JavaScript, as `clients.py`: a job on standard input, a result on standard output. It runs in the
// folder that holds its packages (`peers.py`).

import { readFileSync } from "node:fs";
import { PinpointSMSVoiceV2Client, SendTextMessageCommand } from "@aws-sdk/client-pinpoint-sms-voice-v2";

const job = JSON.parse(readFileSync(0, "utf8"));
const agent = { keepAlive: true, maxSockets: job.connections };
const client = new PinpointSMSVoiceV2Client({
  endpoint: job.url,
  requestHandler: { httpAgent: agent, httpsAgent: agent },
});

async function send(from, to) {
  let next = from;
  const work = async () => {
    while (next < to) {
      const row = next++;
      await client.send(
        new SendTextMessageCommand({
          DestinationPhoneNumber: `+1425${2_000_000 + (row % 7_900_000)}`,
          OriginationIdentity: `+1425555${String(row % 4).padStart(4, "0")}`,
          MessageBody: job.text,
          Context: { bulksend_campaign: job.campaign, bulksend_row: String(row) },
        }),
      );
    }
  };
  await Promise.all(Array.from({ length: job.connections }, work));
}

await send(0, job.first);
const began = performance.now();
const before = process.cpuUsage();
await send(job.first, job.first + job.messages);
const used = process.cpuUsage(before);
const result = {
  wall_s: (performance.now() - began) / 1000,
  cpu_s: (used.user + used.system) / 1e6,
  peak_mib: process.resourceUsage().maxRSS / 1024,
};
process.stdout.write(JSON.stringify(result));
process.exit(0);
