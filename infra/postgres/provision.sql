-- One login role and one schema per service, no way across. Run by an administrator on the database of the
-- installation; running it again updates the passwords. They come in as settings (onbehalf.<role>_password), so that
-- no statement's text carries one.
DO $$
DECLARE
  service text;
  password text;
BEGIN
  EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
  REVOKE ALL ON SCHEMA public FROM PUBLIC;

  FOREACH service IN ARRAY ARRAY['identity_broker', 'mcp_provider', 'tool_invoker', 'device_auth'] LOOP
    password := current_setting(format('onbehalf.%s_password', service), true);
    IF coalesce(password, '') = '' THEN
      RAISE EXCEPTION 'no password is set for the role %', service;
    END IF;

    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = service) THEN
      EXECUTE format('CREATE ROLE %I', service);
    END IF;
    EXECUTE format('ALTER ROLE %I LOGIN PASSWORD %L', service, password);
    EXECUTE format('ALTER ROLE %I SET search_path = %I', service, service);
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), service);

    -- Who is not a superuser gives a schema away only as a member who may become that role. From Postgres 16 on, whoever
    -- made a role is a member that may not.
    IF NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
      EXECUTE format('GRANT %I TO CURRENT_USER', service);
    END IF;
    EXECUTE format('CREATE SCHEMA IF NOT EXISTS %I AUTHORIZATION %I', service, service);
    EXECUTE format('ALTER SCHEMA %I OWNER TO %I', service, service);
  END LOOP;
END
$$;
