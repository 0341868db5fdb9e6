// The health check of MongoDB in docker-compose.yml, and what makes it a replica set of one node:
// only a replica set has transactions. The first check finds none and creates it.
try {
  rs.status();
} catch (error) {
  if (error.codeName !== "NotYetInitialized") throw error;
  rs.initiate({ _id: "rs0", members: [{ _id: 0, host: "mongodb:27017" }] });
}
quit(db.hello().isWritablePrimary ? 0 : 1);
