// The object PCP-context for a coap-node: Request has libnatpmp's command ask for the mapping, so the version in use is
// 0, NAT-PMP. One instance, for the port that the device speaks LwM2M from.
"use strict";

const { execFile } = require("node:child_process");
const { say, teach } = require("./npm_lwm2m.js");

const NAME = "coap-node";
const PCP_CONTEXT = 26887;
const DISABLED = 0, ASKING = 1, MAPPED = 2, REFUSED = 3, UNANSWERED = 4; // values of Status
const NATPMP = 0; // a Version
const PATIENCE = 20; // s
const TRIES = 5;

const granted = /^Mapped public port (\d+) .* (\d+)$/m;
const outside = /^Public IP address : ([0-9.]+)/m;

// Calls back with what becomes of the instance.
function ask(port, lifetime, callback, tries = TRIES) {
  const gateway = process.env.PINHOLE_GATEWAY; // else the default router
  const words = [...(gateway ? ["-g", gateway] : []), "-a", port, port, "udp", lifetime];
  const options = { timeout: PATIENCE * 1000 };
  execFile(process.env.PINHOLE_NATPMPC, words.map(String), options, (error, said) => {
    const mapping = said.match(granted);
    const address = said.match(outside);
    // It takes a second answer about the address, where it had to ask twice, for one about the mapping.
    const isMistaken = mapping && mapping[2] === "0";
    if (isMistaken && tries > 1) {
      ask(port, lifetime, callback, tries - 1);
    } else if (isMistaken || !mapping || !address) {
      callback({ status: error && error.killed ? UNANSWERED : REFUSED });
    } else {
      callback({
        externalAddress: address[1],
        externalPort: Number(mapping[1]),
        grantedLifetime: Number(mapping[2]),
        status: MAPPED,
      });
    }
  });
}

// Gives the device its instance, before it registers.
function addContext(objects, device) {
  const object = teach(PCP_CONTEXT);
  const write = (values) =>
    Object.entries(values).forEach(([name, value]) => objects.write(object, 0, name, value, () => {}));
  const request = (...words) => {
    const done = words.pop();
    const { enabled, lifetime } = objects.dumpSync(object, 0);
    if (enabled) {
      write({ status: ASKING });
      ask(device.port, lifetime, (result) => {
        say(NAME, `pcp status ${result.status}`);
        write(result);
      });
    }
    done(null, "");
  };
  objects.init(object, 0, {
    lifetime: 7200,
    request: { exec: request },
    status: DISABLED,
    version: NATPMP,
    enabled: false,
    externalAddress: "",
    externalPort: 0,
    grantedLifetime: 0,
  });
}

module.exports = { addContext };
