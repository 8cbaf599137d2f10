// Charge with k6 (https://grafana.com/docs/k6): every request has a fresh idempotency key, so every one moves money.
//
//   TOKEN=$(cat .local/token) k6 run benchmarks/k6/charge.js
//
// From the environment:
//   TOKEN             required; sent as `authorization: Bearer …`
//   TARGET            charging, "127.0.0.1:50051" unless set
//   ADMIN_TARGET      admin, "127.0.0.1:50052" unless set: the run makes and funds companies of its own there
//   TLS               "1" where the servers speak TLS (with a certificate that this machine trusts)
//   COMPANIES         how many are charged, in turn; 100 unless set, 1 for a hot one
//   RATE              requests a second, sent whether or not answers come (open loop); else VUS wait for each answer
//   VUS               virtual users, each with a connection of its own; 32 unless set
//   DURATION          "15s" unless set
//
// k6 costs several times the CPU of the service that it calls: let it run on another machine, and look at
// dropped_iterations. With RATE, grpc_req_duration counts from the sending of a request, not from when it was due.

import exec from "k6/execution";
import grpc from "k6/net/grpc";
import { check, fail } from "k6";

const TARGET = __ENV.TARGET || "127.0.0.1:50051";
const ADMIN_TARGET = __ENV.ADMIN_TARGET || "127.0.0.1:50052";
const COMPANIES = Number(__ENV.COMPANIES || 100);
const VUS = Number(__ENV.VUS || 32);
const DURATION = __ENV.DURATION || "15s";
const CURRENCY = "EUR";
const FUNDS_MICROS = "1000000000000";
const PRICE_MICROS = "75000";
const AUTHORIZATION = { authorization: `Bearer ${__ENV.TOKEN}` };

const closed = { executor: "constant-vus", vus: VUS, duration: DURATION };
const open = {
  executor: "constant-arrival-rate",
  rate: Number(__ENV.RATE),
  timeUnit: "1s",
  duration: DURATION,
  preAllocatedVUs: VUS,
  maxVUs: 10 * VUS,
};

export const options = {
  scenarios: { charge: __ENV.RATE ? open : closed },
  setupTimeout: "5m",
  thresholds: { checks: ["rate == 1"] }, // No charge is declined, and none fails.
  summaryTrendStats: ["min", "med", "p(95)", "p(99)", "p(99.9)", "max"],
};

const client = new grpc.Client();
let isConnected = false;

function connect(target) {
  // The service describes its messages itself; beyond loopback only to those who show the token.
  client.connect(target, { plaintext: __ENV.TLS !== "1", reflect: true, reflectMetadata: AUTHORIZATION });
}

function call(method, message) {
  return client.invoke(method, message, { metadata: AUTHORIZATION, timeout: "10s" });
}

function mustCall(method, message) {
  const response = call(method, message);
  if (response.status !== grpc.StatusOK) {
    fail(`${method}: ${response.error && response.error.message}`);
  }
}

// Runs once, before the load: companies with money.
export function setup() {
  if (!__ENV.TOKEN) {
    fail("TOKEN is not set");
  }
  const run = Date.now().toString(36);
  const companies = [];
  connect(ADMIN_TARGET);
  for (let number = 0; number < COMPANIES; number++) {
    const id = `k6-${run}-${number}`;
    const company = { displayName: "k6", currencyCode: CURRENCY, billingEmail: "k6@example.com" };
    mustCall("veloconnect.admin.v1.CompanyService/CreateCompany", { companyId: id, company });
    const topUp = { amountMicros: FUNDS_MICROS, currencyCode: CURRENCY, method: "METHOD_MANUAL", reference: "k6" };
    mustCall("veloconnect.admin.v1.TopUpService/CreateTopUp", {
      parent: `companies/${id}`,
      idempotencyKey: `${id}-funds`,
      topUp,
    });
    companies.push(`companies/${id}`);
  }
  client.close();
  return { run, companies };
}

export default function (data) {
  if (!isConnected) {
    connect(TARGET);
    isConnected = true;
  }
  const number = exec.scenario.iterationInTest;
  const response = call("veloconnect.charging.v1.ChargingService/Charge", {
    company: data.companies[number % data.companies.length],
    idempotencyKey: `${data.run}-${number}`,
    usage: { channel: "CHANNEL_SMS", destination: "+4915112345678", quantity: "1", campaignId: "spring-sale" },
    amountMicros: PRICE_MICROS,
  });
  check(response, { charged: ({ status }) => status === grpc.StatusOK });
}
