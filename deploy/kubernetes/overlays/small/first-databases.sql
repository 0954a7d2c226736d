-- Run once, when PostgreSQL is first started; the challenge's own is made by the image.
CREATE DATABASE dagster;
