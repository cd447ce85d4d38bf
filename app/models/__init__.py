"""The list of tables. Alembic and `relationship()` read it; a table that is missing here does not exist."""

from app.models.api_key import ApiKey as ApiKey
from app.models.comment import Comment as Comment
from app.models.event import Event as Event
from app.models.feed import Feed as Feed
from app.models.feed_event import FeedEvent as FeedEvent
from app.models.idempotency_key import IdempotencyKey as IdempotencyKey
from app.models.job import Job as Job
from app.models.linked_identity import LinkedIdentity as LinkedIdentity
from app.models.login_session import LoginSession as LoginSession
from app.models.post import Post as Post
from app.models.recipe import Recipe as Recipe
from app.models.recovery_code import RecoveryCode as RecoveryCode
from app.models.seed import Seed as Seed
from app.models.task import Task as Task
from app.models.totp import Totp as Totp
from app.models.user import User as User
