-- Few among many, found without reading the others: microservices whose hosts are to be resolved anew, the default router,
-- system agents.
ALTER TABLE microservices ADD COLUMN has_host_expressions INTEGER NOT NULL DEFAULT 0;
UPDATE microservices SET has_host_expressions = 1 WHERE document LIKE '%"address":"${%';
CREATE INDEX microservices_host_expressions ON microservices (has_host_expressions) WHERE has_host_expressions = 1;
CREATE INDEX routers_default ON routers (is_default) WHERE is_default = 1;
CREATE INDEX fogs_system ON fogs (is_system) WHERE is_system = 1;
