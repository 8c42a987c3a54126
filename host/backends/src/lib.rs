//! The two databases: pools, introspection, SQL written from operations, health.
