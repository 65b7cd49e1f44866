"""What Alembic runs; ``blindlink.service.data.schema`` gives it an open transaction."""

from alembic import context

from blindlink.service.data.models import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,
)
context.run_migrations()
