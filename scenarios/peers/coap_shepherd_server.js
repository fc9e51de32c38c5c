// An LwM2M server made with npm's coap-shepherd: the peer `coap-shepherd`. It learns the object PCP-context from its
// definition file, and what to do with a device that lists it from this one: the steps 5 and 6 of the slides, resource
// by resource. SIGUSR1: it reads /3/0 of all devices.
"use strict";

const path = require("node:path");
const { load, say, teach, tellAddress, version } = require("./npm_lwm2m.js");

const NAME = "coap-shepherd";
const PCP_CONTEXT = 26887;
const MAPPED = 2; // a Status
const FOR_EVER = 1e9; // s
const SECONDS_WANTED = 3600;

// It keeps its devices in a file, beside its own code unless told another place.
function configure() {
  const configuration = load(`${NAME}/lib/config`);
  configuration.defaultDbFolder = path.join(process.env.PINHOLE_RUNTIME, "devices");
  configuration.defaultDbPath = path.join(configuration.defaultDbFolder, "devices.db");
  configuration.port = Number(process.env.PINHOLE_SERVER_PORT || configuration.port);
  configuration.ip = tellAddress();
}

// It takes a link with attributes, as in `</1>;ver=1.1`, for an object of that name, and then can't store the device. It
// reads those of the root link alone, so the others' are kept from it.
function withholdAttributes() {
  const links = load(`${NAME}/lib/components/cutils`);
  const read = links.getObjListOfSo;
  links.getObjListOfSo = (text) => read(text.toString().replace(/(<\/[^>]+>)(;(?:"[^"]*"|[^,"])*)/g, "$1"));
}

const context = `/${teach(PCP_CONTEXT)}/0`;
const mappings = new Map(); // of devices, by name: "ADDRESS:PORT"

function tellWhetherSeen(device) {
  const mapping = mappings.get(device.clientName);
  const seen = `${device.ip}:${device.port}`;
  if (mapping)
    say(NAME, `pcp ${device.clientName} seen from ${seen === mapping ? "its mapping" : seen}`);
}

// Not by the package's readReq, which fails where an instance has got more resources than it had at first.
async function readMapping(device) {
  const { payload } = await device.shepherd.request({
    hostname: device.ip,
    port: device.port,
    pathname: `/${PCP_CONTEXT}/0`,
    method: "GET",
    options: { Accept: device.dataFormat[0] || "application/tlv" },
  });
  mappings.set(device.clientName, `${payload.externalAddress}:${payload.externalPort}`);
  say(NAME, `pcp ${device.clientName} mapped at ${mappings.get(device.clientName)}`);
  tellWhetherSeen(device);
}

async function enable(device) {
  await device.observeReq(`${context}/status`);
  await device.writeReq(`${context}/lifetime`, SECONDS_WANTED);
  await device.writeReq(`${context}/enabled`, true);
  const { data } = await device.readReq(`${context}/version`);
  if (data !== 2 && data !== 0) throw new Error(`PCP of version ${data}`);
  await device.executeReq(`${context}/request`);
}

async function take(event) {
  const device = event.cnode;
  const name = device && device.clientName;
  if (event.type === "devIncoming") {
    say(NAME, `registered ${name} from ${device.ip}:${device.port}`);
    if (device.objList[PCP_CONTEXT]) await enable(device);
  } else if (event.type === "devUpdate") {
    say(NAME, `updated ${name} from ${device.ip}:${device.port}`);
    tellWhetherSeen(device);
  } else if (event.type === "devLeaving") {
    say(NAME, `deregistered ${event.cnode}`);
  } else if (event.type === "devNotify" && event.data.path === `${context}/status`) {
    say(NAME, `pcp ${name} status ${event.data.value}`);
    if (event.data.value === MAPPED) await readMapping(device);
  }
}

async function readAll(server) {
  for (const { clientName } of server.list()) {
    const { status } = await server.find(clientName).readReq("/3/0");
    say(NAME, `answer ${clientName} /3/0 ${status}`);
  }
}

function main() {
  if (process.argv[2] === "--version") {
    console.log(`${NAME} ${version(NAME)}`);
    return;
  }
  configure();
  withholdAttributes();
  const server = load(NAME);
  const complain = (error) => say(NAME, `error: ${error.message}`);
  server.on("error", complain);
  server.on("ind", (event) => take(event).catch(complain));
  server.on("ready", () => {
    server.permitJoin(FOR_EVER);
    say(NAME, "ready");
  });
  process.on("SIGUSR1", () => readAll(server).catch(complain));
  server.start().catch(complain);
}

main();
